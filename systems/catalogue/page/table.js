// Songs as rows, and the headers that say how they are sorted.

import { el } from '/assets/house.js';
import { dateInWords, numberInWords, safeLink, UNKNOWN_ARTIST } from './songs.js';

/** The row of a song. `tasks` is null for a reader; `onlyArtist(artist)` narrows the list. */
export function rowFor(song, { tasks, onlyArtist }) {
  const cell = (name, ...content) => el('td', { role: 'cell', class: name }, ...content);
  return el('tr', { role: 'row', 'data-id': song.id, tabindex: '-1' },
    cell('title', titleOf(song)),
    cell('artist', artistOf(song.artist, onlyArtist)),
    cell('date', song.release_date && el('time', { datetime: song.release_date }, dateInWords(song.release_date))),
    cell('number', numberInWords(song.distance)),
    cell('tasks', tasks && [
      el('button', { type: 'button', class: 'quiet', 'aria-label': `Edit ${song.title}`, onclick: () => tasks.edit(song) }, 'Edit'),
      el('button', { type: 'button', class: 'quiet danger', 'aria-label': `Delete ${song.title}`, onclick: () => tasks.remove(song) }, 'Delete'),
    ]));
}

function titleOf({ title, url }) {
  const address = safeLink(url);
  if (!address) return title;
  return el('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, title, el('span', { class: 'unseen' }, ' (opens in a new tab)'));
}

function artistOf(artist, onlyArtist) {
  if (!artist) return el('span', { class: 'muted' }, UNKNOWN_ARTIST);
  return el('button', { type: 'button', class: 'linklike', title: `Show only ${artist.name}`, onclick: () => onlyArtist(artist) }, artist.name);
}

/** Marks the column that `sort` (`title`, `-title`, or empty) names. */
export function showSort(head, sort) {
  for (const header of head.querySelectorAll('[data-sort]')) {
    const { sort: name } = header.dataset;
    if (sort === name) header.setAttribute('aria-sort', 'ascending');
    else if (sort === `-${name}`) header.setAttribute('aria-sort', 'descending');
    else header.removeAttribute('aria-sort');
  }
}
