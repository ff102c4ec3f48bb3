// The songs as the API knows them: paths, values for people, and what a form may send.

import { session } from '/assets/session.js';

export const UNKNOWN_ARTIST = 'Unknown Artist';

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });
const numbers = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 15 });

/** `2024-02-29` as the reader writes dates; empty for null. */
export const dateInWords = (date) => (date ? dates.format(new Date(`${date}T00:00:00Z`)) : '');
/** A distance as the reader writes numbers; empty for null. */
export const numberInWords = (number) => (number === null || number === undefined ? '' : numbers.format(number));

/** The address when it is one a browser may open from here, else null. */
export function safeLink(address) {
  const url = URL.canParse(address ?? '') ? new URL(address) : null;
  return url && ['http:', 'https:'].includes(url.protocol) ? url.href : null;
}

/** One page of songs with their artists. */
export async function list({ q, sort, artist, page, size }, signal) {
  const query = new URLSearchParams({ include: 'artist', page, page_size: size });
  if (q) query.set('q', q);
  if (sort) query.set('sort', sort);
  if (artist) query.set('artist_id', artist.id);
  return (await session.send('GET', `/v1/songs?${query}`, { signal })).body;
}

/** One song with its artist, and the version to name in `If-Match`. */
export async function read(id) {
  const { body, headers } = await session.send('GET', `/v1/songs/${id}`);
  const artist = body.artist_id === null ? null : await readArtist(body.artist_id);
  return { song: { ...body, artist }, etag: headers.get('etag') };
}

/** The artist, or null where there is none by this id. */
export async function readArtist(id) {
  try {
    const { body } = await session.send('GET', `/v1/artists/${id}`);
    return { id: body.id, name: body.name };
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

export const create = async (song) => (await session.send('POST', '/v1/songs', { body: song })).body;
export const remove = (id) => session.send('DELETE', `/v1/songs/${id}`);
export const restore = (id) => session.send('POST', `/v1/songs/${id}/restore`);
export const createArtist = async (name) => (await session.send('POST', '/v1/artists', { body: { name } })).body;

/** Changes only the given fields, and only if the song is still the version that was read. */
export const change = async (id, patch, etag) =>
  (await session.send('PATCH', `/v1/songs/${id}`, { body: patch, type: 'application/merge-patch+json', headers: etag ? { 'if-match': etag } : {} })).body;

/** Up to eight artists whose name contains `text`, by name. */
export async function findArtists(text, signal) {
  const query = new URLSearchParams({ page_size: 8 });
  if (text) query.set('name[contains]', text);
  const { body } = await session.send('GET', `/v1/artists?${query}`, { signal });
  return body.items.sort((a, b) => a.name.localeCompare(b.name));
}
