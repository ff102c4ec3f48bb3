// The catalogue's page: what is shown, where it is in the list, and the keys that move through it.

import { el, isTyping, toast } from '/assets/house.js';
import { session, showAccount } from '/assets/session.js';
import { SongForm } from './song-form.js';
import { list, readArtist, remove, restore } from './songs.js';
import { rowFor, showSort } from './table.js';

const SEARCH_PAUSE_MS = 160;
const SIZES = [10, 25, 50, 100];
const UNDO_SECONDS = 12;

const $ = (id) => document.getElementById(id);
const rows = $('songs').tBodies[0];
const form = new SongForm($('song'), afterSaving);

/** What is asked for; the address bar holds the same, so that it can be sent, kept and gone back to. */
let view = viewFromAddress();
let shown = { items: [], pagination: null };
let loading = new AbortController();
let undo = null;

const mayWrite = () => session.may('songs:write');

// ---- The view and its address -----------------------------------------------------------------

function viewFromAddress() {
  const query = new URLSearchParams(location.search);
  const whole = (name) => Math.max(1, Number.parseInt(query.get(name), 10) || 1);
  const size = Number(query.get('page_size'));
  return {
    q: query.get('q') ?? '',
    sort: [...$('sort').options].some(({ value }) => value === query.get('sort')) ? query.get('sort') : '',
    artist: query.get('artist_id') ? { id: query.get('artist_id'), name: '' } : null,
    page: whole('page'),
    size: SIZES.includes(size) ? size : SIZES[0],
  };
}

function addressOf({ q, sort, artist, page, size }) {
  const query = new URLSearchParams();
  if (q) query.set('q', q);
  if (sort) query.set('sort', sort);
  if (artist) query.set('artist_id', artist.id);
  if (page > 1) query.set('page', page);
  if (size !== SIZES[0]) query.set('page_size', size);
  return query.size ? `/?${query}` : '/';
}

/** Changes the view. Everything but the page itself starts again at page one. */
function show(changes, { replace = false, focus = null } = {}) {
  view = { ...view, page: 1, ...changes };
  history[replace ? 'replaceState' : 'pushState'](null, '', addressOf(view));
  return refresh(focus);
}

// ---- Reading and drawing ----------------------------------------------------------------------

/** Reads the view and draws it; answers the status of the problem, where there was one. */
async function refresh(focus = null) {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  $('sheet').setAttribute('aria-busy', 'true');
  try {
    const answer = await list(view, signal);
    const { page, total_pages: last } = answer.pagination;
    // The last song of the last page is gone: the page before is now the last one.
    if (!answer.items.length && last > 0 && page > last) return show({ page: last }, { replace: true, focus });
    if (view.artist && !view.artist.name) view.artist.name = (answer.items[0]?.artist ?? await readArtist(view.artist.id))?.name ?? 'unknown';
    if (signal.aborted) return undefined;
    shown = answer;
    $('trouble').replaceChildren();
    draw(focus);
  } catch (problem) {
    if (problem.name === 'AbortError' || signal.aborted) return undefined;
    if (problem.status === undefined) throw problem;
    drawTrouble(problem);
    return problem.status;
  } finally {
    if (!signal.aborted) $('sheet').setAttribute('aria-busy', 'false');
  }
  return undefined;
}

function draw(focus) {
  const { items, pagination } = shown;
  const held = document.activeElement.closest?.('tr')?.dataset.id;
  const tasks = mayWrite() ? { edit, remove: removeSong } : null;
  rows.replaceChildren(...items.map((song) => rowFor(song, { tasks, onlyArtist: (artist) => show({ artist }) })));
  makeReachable(rows.rows[0]);
  document.body.classList.toggle('read-only', !mayWrite());
  $('add').hidden = !mayWrite();
  $('songs').hidden = !items.length;
  $('pages').hidden = pagination.total_items === 0;
  $('previous').disabled = !pagination.has_prev;
  $('next').disabled = !pagination.has_next;
  $('position').textContent = `Page ${pagination.page} of ${Math.max(1, pagination.total_pages)}`;
  $('page-size').value = view.size;
  $('sort').value = view.sort;
  showSort($('songs').tHead, view.sort);
  if (document.activeElement !== $('search')) $('search').value = view.q;
  $('only').hidden = !view.artist;
  if (view.artist) $('only').replaceChildren(el('span', {}, `Only ${view.artist.name}`), el('span', { 'aria-hidden': 'true' }, '\u00d7'), el('span', { class: 'unseen' }, ', show all artists'));
  $('count').textContent = countInWords(pagination.total_items);
  drawEmpty();
  drawAccount();
  focusRow(focus ?? held);
}

function countInWords(total) {
  const songs = total === 1 ? '1 song' : `${total.toLocaleString()} songs`;
  if (view.q) return total ? `${songs} for “${view.q}”` : `No song for “${view.q}”`;
  return total ? songs : 'No songs';
}

function drawEmpty() {
  const { items } = shown;
  $('empty').hidden = items.length > 0;
  if (items.length) return;
  const filtered = view.q || view.artist;
  const all = el('button', { type: 'button', onclick: () => { $('search').value = ''; show({ q: '', artist: null }); } }, 'Show all songs');
  const add = el('button', { type: 'button', class: 'primary', onclick: () => form.add() }, 'Add the first song');
  let say = ['No songs yet', 'Whoever may edit this catalogue can add the first one after signing in.', null];
  if (filtered) say = ['Nothing matches', view.q ? 'No title and no artist contains what you searched for. Try fewer letters.' : 'This artist has no songs here.', all];
  else if (mayWrite()) say = ['No songs yet', 'A title is enough to begin. Artist, link, date and distance can follow whenever you know them.', add];
  const [heading, text, button] = say;
  $('empty').replaceChildren(el('h2', {}, heading), el('p', {}, text), el('div', { class: 'actions' }, button ?? []));
}

function drawTrouble(problem) {
  const signIn = problem.status === 401;
  const act = signIn
    ? el('button', { type: 'button', class: 'primary', onclick: () => session.signIn() }, 'Sign in')
    : el('button', { type: 'button', onclick: () => refresh() }, 'Try again');
  if (signIn) {
    // What was listed belongs to a session that is over.
    shown = { items: [], pagination: null };
    rows.replaceChildren();
    $('songs').hidden = $('pages').hidden = $('empty').hidden = true;
    $('add').hidden = true;
    $('count').textContent = '';
  }
  $('trouble').replaceChildren(el('div', { class: signIn ? 'notice' : 'notice bad' },
    el('strong', {}, signIn ? 'Sign in to see the songs' : 'The songs could not be read'),
    signIn ? null : el('p', {}, problem.sentence),
    el('div', {}, act)));
  drawAccount();
}

// ---- Changing ---------------------------------------------------------------------------------

async function edit(song) {
  try {
    await form.edit(song.id);
  } catch (problem) {
    toast(problem.status === 404 ? `“${song.title}” has been deleted meanwhile.` : problem.sentence, { bad: true });
    refresh();
  }
}

function afterSaving(song, isNew) {
  if (isNew) toast(`Added “${song.title}”.`, { label: 'Show', action: () => show({ q: song.title, artist: null }, { focus: song.id }) });
  else toast(`Saved “${song.title}”.`);
  refresh(isNew ? null : song.id);
}

async function removeSong(song) {
  const row = rows.querySelector(`[data-id="${song.id}"]`);
  const next = (row?.nextElementSibling ?? row?.previousElementSibling)?.dataset.id ?? null;
  try {
    await remove(song.id);
  } catch (problem) {
    toast(problem.status === 404 ? `“${song.title}” was deleted already.` : `“${song.title}” was not deleted. ${problem.sentence}`, { bad: true });
    return refresh();
  }
  const bringBack = async () => {
    undo = null;
    try {
      await restore(song.id);
      toast(`“${song.title}” is back.`);
    } catch (problem) {
      toast(`“${song.title}” was not restored. ${problem.sentence}`, { bad: true });
    }
    refresh(song.id);
  };
  const close = toast(`Deleted “${song.title}”.`, { label: 'Undo', action: bringBack, seconds: UNDO_SECONDS });
  undo = () => { close(); bringBack(); };
  return refresh(next);
}

// ---- Keys -------------------------------------------------------------------------------------

/** One row at a time can be reached with Tab; arrows move within. */
function makeReachable(row) {
  for (const other of rows.rows) other.tabIndex = other === row ? 0 : -1;
}

function focusRow(id) {
  const row = id === null || id === undefined ? null : rows.querySelector(`[data-id="${id}"]`);
  if (!row) return;
  makeReachable(row);
  row.focus();
}

function keyInRow(event, row) {
  const song = shown.items.find(({ id }) => String(id) === row.dataset.id);
  const { pagination } = shown;
  const neighbour = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, Home: rows.rows[0], End: rows.rows[rows.rows.length - 1] }[event.key];
  if (neighbour) {
    makeReachable(neighbour);
    neighbour.focus();
  } else if (event.key === 'ArrowUp') $('search').focus();
  else if (event.key === 'ArrowLeft' && pagination.has_prev) turn(-1, true);
  else if (event.key === 'ArrowRight' && pagination.has_next) turn(1, true);
  else if (event.key === 'Delete' && mayWrite()) removeSong(song);
  else if (event.key === 'Enter' && event.target === row) {
    if (mayWrite()) edit(song);
    else row.querySelector('a')?.click();
  } else return;
  event.preventDefault();
}

async function turn(step, toFirstRow = false) {
  await show({ page: view.page + step });
  if (toFirstRow) rows.rows[0]?.focus();
}

const SINGLE_KEYS = {
  '/': () => $('search').select(),
  n: () => mayWrite() && form.add(),
  u: () => undo?.(),
  '?': openHelp,
};

function openHelp() {
  for (const line of $('help').querySelectorAll('[data-writes]')) line.hidden = !mayWrite();
  for (const line of $('help').querySelectorAll('[data-reads]')) line.hidden = mayWrite();
  $('help').showModal();
}

/** Single-letter keys disturb speech input, so they can be switched off; this stays on this device. */
const singleKeysOn = () => localStorage.getItem('single-keys') !== 'off';

// ---- Wiring -----------------------------------------------------------------------------------

let typing;
$('search').value = view.q;
$('search').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => show({ q: $('search').value.trim() }, { replace: true }), SEARCH_PAUSE_MS);
});
$('search').addEventListener('keydown', (event) => {
  if (event.key === 'ArrowDown' && rows.rows[0]) {
    event.preventDefault();
    rows.rows[0].focus();
  }
  if (event.key === 'Escape' && !$('search').value) $('search').blur();
});
$('songs').tHead.addEventListener('click', (event) => {
  const name = event.target.closest('[data-sort]')?.dataset.sort;
  if (name) show({ sort: { [name]: `-${name}`, [`-${name}`]: '' }[view.sort] ?? name });
});
$('sort').addEventListener('change', () => show({ sort: $('sort').value }));
$('page-size').addEventListener('change', () => show({ size: Number($('page-size').value) }));
$('previous').addEventListener('click', () => turn(-1));
$('next').addEventListener('click', () => turn(1));
$('only').addEventListener('click', () => show({ artist: null }));
$('add').addEventListener('click', () => form.add());
$('help-open').addEventListener('click', openHelp);
$('single-keys').checked = singleKeysOn();
$('single-keys').addEventListener('change', () => localStorage.setItem('single-keys', $('single-keys').checked ? 'on' : 'off'));
for (const button of document.querySelectorAll('[data-close]')) button.addEventListener('click', () => button.closest('dialog').close());
rows.addEventListener('keydown', (event) => keyInRow(event, event.target.closest('tr')));
rows.addEventListener('focusin', (event) => makeReachable(event.target.closest('tr')));
document.addEventListener('keydown', (event) => {
  if (isTyping(event) || !singleKeysOn() || !SINGLE_KEYS[event.key]) return;
  event.preventDefault();
  SINGLE_KEYS[event.key]();
});
window.addEventListener('popstate', () => { view = viewFromAddress(); refresh(); });

const drawAccount = showAccount($('account'), {
  signInLabel: () => (shown.pagination ? 'Sign in to edit' : 'Sign in'),
  onerror: (problem) => toast(problem.sentence, { bad: true }),
});
await session.load().catch(drawTrouble);
session.addEventListener('change', () => refresh());
if (await refresh() === 401) session.signIn();
