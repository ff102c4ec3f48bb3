// Choosing an artist by typing, or naming a new one: the combobox pattern of WAI-ARIA 1.2.

import { el } from '/assets/house.js';
import { findArtists } from './songs.js';

const PAUSE_MS = 150;

export class ArtistPicker {
  #input;
  #list;
  #mayCreate;
  #choices = [];
  #active = -1;
  #chosen = null;
  #timer;
  #abort = new AbortController();

  /** `mayCreate` is asked each time whether the reader may add artists. */
  constructor(input, list, mayCreate) {
    this.#input = input;
    this.#list = list;
    this.#mayCreate = mayCreate;
    input.addEventListener('input', () => { this.#chosen = null; this.#searchSoon(); });
    input.addEventListener('keydown', (event) => this.#key(event));
    input.addEventListener('click', () => this.#searchSoon(0));
    input.addEventListener('blur', () => this.#close());
    // Keeps the focus in the field, so that blur does not close the list before the click lands.
    list.addEventListener('mousedown', (event) => event.preventDefault());
    list.addEventListener('click', (event) => {
      const option = event.target.closest('[role="option"]');
      if (option) this.#choose(this.#choices[Number(option.dataset.index)]);
    });
  }

  /** Shows `artist`, or nothing for null. */
  set(artist) {
    this.#chosen = artist;
    this.#input.value = artist?.name ?? '';
    this.#close();
  }

  /**
   * What was chosen: null for none, `{id, name}` for an artist, `{name}` for one to be created.
   * Undefined where the text is neither empty nor a choice.
   */
  async value() {
    const text = this.#input.value.trim();
    if (!text) return null;
    if (this.#chosen) return this.#chosen;
    const same = (await findArtists(text)).filter(({ name }) => name.toLocaleLowerCase() === text.toLocaleLowerCase());
    return same.length === 1 ? { id: same[0].id, name: same[0].name } : undefined;
  }

  #searchSoon(pause = PAUSE_MS) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), pause);
  }

  async #search() {
    this.#abort.abort();
    this.#abort = new AbortController();
    const text = this.#input.value.trim();
    try {
      const found = await findArtists(this.#chosen ? '' : text, this.#abort.signal);
      if (document.activeElement === this.#input) this.#open(found, text);
    } catch (problem) {
      if (problem.name !== 'AbortError') this.#say(problem.sentence);
    }
  }

  #open(found, text) {
    this.#choices = found.map(({ id, name }) => ({ id, name }));
    const known = this.#chosen || found.some(({ name }) => name.toLocaleLowerCase() === text.toLocaleLowerCase());
    if (text && !known && this.#mayCreate()) this.#choices.push({ name: text });
    if (!this.#choices.length) return this.#say(text ? 'No artist by this name.' : 'No artists yet. Type a name to add one.');
    this.#list.replaceChildren(...this.#choices.map((choice, index) => el('li', {
      role: 'option', id: `${this.#list.id}-${index}`, 'data-index': index, 'aria-selected': 'false', class: choice.id ? null : 'new',
    }, choice.id ? choice.name : `Add “${choice.name}” as a new artist`)));
    this.#show(true);
    this.#activate(text && !this.#chosen ? 0 : -1);
  }

  #say(text) {
    this.#choices = [];
    this.#list.replaceChildren(el('li', { class: 'none', role: 'option', 'aria-disabled': 'true' }, text));
    this.#show(true);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#choices = [];
    this.#show(false);
    this.#activate(-1);
  }

  #show(open) {
    this.#list.hidden = !open;
    this.#input.setAttribute('aria-expanded', String(open));
  }

  #activate(index) {
    this.#active = index;
    [...this.#list.children].forEach((option, at) => option.setAttribute('aria-selected', String(at === index)));
    const option = index < 0 ? null : this.#list.children[index];
    if (!option) return this.#input.removeAttribute('aria-activedescendant');
    this.#input.setAttribute('aria-activedescendant', option.id);
    option.scrollIntoView({ block: 'nearest' });
  }

  #choose(choice) {
    if (!choice) return;
    this.set(choice);
    this.#input.dispatchEvent(new Event('change'));
  }

  #key(event) {
    const open = !this.#list.hidden;
    const count = this.#choices.length;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!open) return this.#searchSoon(0);
      if (!count) return undefined;
      const step = event.key === 'ArrowDown' ? 1 : -1;
      return this.#activate((Math.max(this.#active, step < 0 ? 0 : -1) + step + count) % count);
    }
    if (event.key === 'Enter' && open && this.#active >= 0) {
      event.preventDefault();
      return this.#choose(this.#choices[this.#active]);
    }
    // The first Escape closes the list, the next one the dialog.
    if (event.key === 'Escape' && open) {
      event.preventDefault();
      event.stopPropagation();
      return this.#close();
    }
    return undefined;
  }
}
