// The dialog that adds and edits a song, and what happens when somebody else was faster.

import { clearProblem, el, Problem, showProblem, toast } from '/assets/house.js';
import { session } from '/assets/session.js';
import { ArtistPicker } from './artist-picker.js';
import { change, create, createArtist, read, UNKNOWN_ARTIST } from './songs.js';

const LABELS = { title: 'Title', artist_id: 'Artist', url: 'Link', release_date: 'Released', distance: 'Distance' };
const NEW_SONG = { title: '', artist_id: null, artist: null, url: null, release_date: null, distance: null };

export class SongForm {
  #dialog;
  #form;
  #save;
  #conflict;
  #inputs;
  #picker;
  #saved;
  /** Takes away the offer to open the last form again; only until another one is opened. */
  #withdrawOffer = () => {};
  /** What is being edited: `{id, etag, base}`; id is null for a new song. */
  #subject = { id: null, etag: null, base: NEW_SONG };

  /** `saved(song, isNew)` is called after the dialog has closed. */
  constructor(dialog, saved) {
    this.#dialog = dialog;
    this.#saved = saved;
    this.#form = dialog.querySelector('form');
    this.#save = dialog.querySelector('#song-save');
    this.#conflict = dialog.querySelector('#conflict');
    const input = (name) => dialog.querySelector(`#song-${name}`);
    this.#inputs = { title: input('title'), url: input('url'), release_date: input('release-date'), distance: input('distance') };
    this.#picker = new ArtistPicker(input('artist'), dialog.querySelector('#song-artists'), () => session.may('artists:write'));
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    dialog.addEventListener('close', () => this.#offerBack());
  }

  /** Opens empty. */
  add() {
    this.#open({ id: null, etag: null, base: NEW_SONG }, 'Add song');
  }

  /** Opens with the song as the server has it now. Throws `Problem` where it cannot be read. */
  async edit(id) {
    const { song, etag } = await read(id);
    this.#open({ id, etag, base: song }, 'Edit song');
  }

  #open(subject, heading) {
    this.#dialog.querySelector('#song-heading').textContent = heading;
    this.#withdrawOffer();
    this.#fill(subject);
    this.#dialog.returnValue = '';
    this.#dialog.showModal();
    this.#inputs.title.focus();
  }

  #fill(subject) {
    this.#subject = subject;
    const { base } = subject;
    clearProblem(this.#form);
    this.#conflict.replaceChildren();
    this.#picker.set(base.artist);
    for (const [name, input] of Object.entries(this.#inputs)) input.value = base[name] ?? '';
  }

  /** The fields as the API takes them; faults that only the browser can see are thrown. */
  async #values() {
    const { title, url, release_date: date, distance } = this.#inputs;
    const faults = [];
    const number = distance.value.trim() === '' ? null : Number(distance.value.trim().replace(/^\+/, ''));
    if (number !== null && !Number.isFinite(number)) faults.push({ pointer: '/distance', detail: 'Must be a number, such as 4.2.' });
    if (date.validity.badInput) faults.push({ pointer: '/release_date', detail: 'Is not a complete date.' });
    const artist = await this.#picker.value();
    if (artist === undefined) faults.push({ pointer: '/artist_id', detail: 'Choose an artist from the list, or add this name as a new one.' });
    if (faults.length) throw new Problem(422, { title: 'Please look again', errors: faults });
    return { title: title.value.trim(), artist_id: await this.#artistId(artist), url: url.value.trim() || null, release_date: date.value || null, distance: number };
  }

  /** Creates the artist where it is new; a second attempt to save finds it chosen. */
  async #artistId(artist) {
    if (!artist || artist.id) return artist?.id ?? null;
    try {
      const { id, name } = await createArtist(artist.name);
      this.#picker.set({ id, name });
      return id;
    } catch (problem) {
      problem.faults = problem.faults?.map((fault) => ({ ...fault, pointer: '/artist_id' }));
      throw problem;
    }
  }

  async #submit() {
    if (this.#save.disabled) return;
    this.#save.disabled = true;
    try {
      const { id, etag, base } = this.#subject;
      const values = await this.#values();
      if (id === null) return this.#done(await create(values), true);
      const patch = Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== base[name]));
      return this.#done(Object.keys(patch).length ? await change(id, patch, etag) : null, false);
    } catch (problem) {
      if (problem.status === 412) await this.#showConflict();
      else if (problem.status === 404) this.#showGone();
      else if (problem instanceof Problem) showProblem(this.#form, problem);
      else throw problem;
    } finally {
      this.#save.disabled = false;
    }
  }

  #done(song, isNew) {
    this.#dialog.close('saved');
    if (song) this.#saved(song, isNew);
  }

  /** Says what the other person changed, and lets the reader choose whose text stays. */
  async #showConflict() {
    const { id, base } = this.#subject;
    let fresh;
    try {
      fresh = await read(id);
    } catch (problem) {
      if (problem.status === 404) return this.#showGone();
      return showProblem(this.#form, problem);
    }
    const theirs = Object.keys(LABELS).filter((name) => fresh.song[name] !== base[name]);
    const row = (name) => {
      const shown = (song) => (name === 'artist_id' ? song.artist?.name ?? UNKNOWN_ARTIST : song[name] ?? 'none');
      return el('tr', {}, el('th', { scope: 'row' }, LABELS[name]), el('td', {}, shown(base)), el('td', {}, shown(fresh.song)));
    };
    const load = el('button', { type: 'button', onclick: () => { this.#fill({ id, ...fresh, base: fresh.song }); this.#inputs.title.focus(); } }, 'Load their version');
    const keep = el('button', { type: 'button', onclick: () => { this.#conflict.replaceChildren(); this.#subject.etag = fresh.etag; this.#submit(); } }, 'Keep mine and save');
    clearProblem(this.#form);
    this.#conflict.replaceChildren(el('div', { class: 'notice warn' },
      el('strong', {}, 'Somebody changed this song meanwhile'),
      theirs.length > 0 && el('table', { class: 'differences' },
        el('thead', {}, el('tr', {}, el('th', {}), el('th', { scope: 'col' }, 'Before'), el('th', { scope: 'col' }, 'Now'))),
        el('tbody', {}, theirs.map(row))),
      el('p', {}, 'Keeping yours saves only the fields you changed.'),
      el('div', { class: 'actions' }, load, keep)));
    load.focus();
    return undefined;
  }

  #showGone() {
    const again = el('button', { type: 'button', onclick: () => {
      this.#conflict.replaceChildren();
      this.#subject = { id: null, etag: null, base: NEW_SONG };
      this.#submit();
    } }, 'Add it as a new song');
    clearProblem(this.#form);
    this.#conflict.replaceChildren(el('div', { class: 'notice warn' },
      el('strong', {}, 'Somebody deleted this song meanwhile'), el('p', {}, 'What you typed is still here.'), el('div', { class: 'actions' }, again)));
    again.focus();
  }

  /** Closing without saving throws nothing away for good: the fields still hold it. */
  #offerBack() {
    if (this.#dialog.returnValue === 'saved') return;
    const { base } = this.#subject;
    const typed = Object.entries(this.#inputs).some(([name, input]) => input.value !== String(base[name] ?? ''));
    this.#withdrawOffer();
    if (typed) this.#withdrawOffer = toast('Closed without saving.', { label: 'Open again', action: () => this.#dialog.showModal(), seconds: 10 });
  }
}
