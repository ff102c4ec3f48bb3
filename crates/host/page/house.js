// What every page needs: building elements from text, calling the API, showing what went wrong.
// Data reaches the document only as text nodes and attribute values, never as markup.

/** An element: `on…` functions become listeners, `null` and `false` are left out, text stays text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An answer that is not a success (RFC 9457), or no answer at all (`status` 0). */
export class Problem extends Error {
  constructor(status, document = {}, retryAfter = null) {
    const title = document.title || (status ? `The server answered ${status}` : 'The server cannot be reached');
    super(document.detail || title);
    this.status = status;
    this.title = title;
    this.code = document.code || '';
    this.faults = Array.isArray(document.errors) ? document.errors : [];
    this.requestId = document.request_id || '';
    this.retryAfter = retryAfter;
  }

  /** All a reader needs in one line: what, when to come back, and what to quote to an operator. */
  get sentence() {
    const parts = [/[.!?]$/.test(this.message) ? this.message : `${this.message}.`];
    if (this.retryAfter) parts.push(`Try again in ${this.retryAfter} ${this.retryAfter === 1 ? 'second' : 'seconds'}.`);
    if (this.status >= 500 && this.requestId) parts.push(`Request ${this.requestId}.`);
    return parts.join(' ');
  }
}

/**
 * Calls the API of this server and answers `{status, headers, body}`; `body` is null when empty.
 * Throws `Problem` for any answer of 400 and above, and for none. An abort stays an AbortError.
 */
export async function call(method, path, { body, type = 'application/json', headers = {}, signal } = {}) {
  const init = { method, signal, cache: 'no-cache', credentials: 'same-origin', headers: { accept: 'application/json', ...headers } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers['content-type'] = type;
  }
  let answer;
  let text;
  try {
    answer = await fetch(path, init);
    text = await answer.text();
  } catch (cause) {
    if (cause.name === 'AbortError') throw cause;
    throw new Problem(0, { detail: 'The server cannot be reached. Check the connection and try again.' });
  }
  const parsed = parse(text);
  if (answer.ok) return { status: answer.status, headers: answer.headers, body: parsed };
  throw new Problem(answer.status, parsed ?? {}, Number(answer.headers.get('retry-after')) || null);
}

function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/** A labelled input; `pointer` is the place in the request body that its faults name. */
export function field({ id, label, pointer, hint, ...attributes }) {
  const input = el('input', { id, ...attributes });
  const row = attributes.type === 'password' ? el('div', { class: 'beside' }, input, revealer(input)) : input;
  return el('div', { class: 'field', 'data-pointer': pointer }, el('label', { for: id }, label), row, hint && el('p', { class: 'hint' }, hint));
}

/** A button that shows and hides what is typed into a password field. */
export function revealer(input) {
  const button = el('button', { type: 'button', class: 'reveal', 'aria-pressed': 'false', 'aria-controls': input.id }, 'Show');
  button.addEventListener('click', () => {
    const shown = input.type === 'password';
    input.type = shown ? 'text' : 'password';
    button.textContent = shown ? 'Hide' : 'Show';
    button.setAttribute('aria-pressed', String(shown));
  });
  return button;
}

/** Takes away every fault and the summary that `showProblem` put into `form`. */
export function clearProblem(form) {
  for (const fault of form.querySelectorAll('.fault, .summary')) fault.remove();
  for (const input of form.querySelectorAll('[aria-invalid]')) {
    input.removeAttribute('aria-invalid');
    input.removeAttribute('aria-describedby');
  }
}

/**
 * Puts each fault of `problem` under the field whose `data-pointer` it names and the rest on top of
 * the form, and moves the focus to the first field at fault.
 */
export function showProblem(form, problem) {
  clearProblem(form);
  const fields = [...form.querySelectorAll('[data-pointer]:not([hidden])')];
  const rest = [];
  let first = null;
  for (const fault of problem.faults) {
    const place = fields.find(({ dataset }) => fault.pointer === dataset.pointer || String(fault.pointer).startsWith(`${dataset.pointer}/`));
    if (!place) {
      rest.push(`${fault.pointer}: ${fault.detail}`);
      continue;
    }
    const input = place.querySelector('input, select, textarea');
    const id = `${input.id}-fault`;
    const said = place.querySelector('.fault');
    if (said) said.append(` ${fault.detail}`);
    else place.append(el('p', { class: 'fault', id }, fault.detail));
    input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-describedby', id);
    first ??= input;
  }
  if (!problem.faults.length || rest.length) form.prepend(summary(problem, rest));
  (first ?? form.querySelector('.summary'))?.focus();
}

function summary(problem, rest) {
  const lines = rest.length ? rest : [problem.sentence];
  const heading = rest.length || problem.sentence !== `${problem.title}.` ? el('strong', {}, problem.title) : null;
  return el('div', { class: 'notice bad summary', role: 'alert', tabindex: '-1' }, heading, lines.map((line) => el('p', {}, line)));
}

/**
 * A message at the foot of the page. With an action it stays `seconds` long, and longer while the
 * pointer or the focus is on it. Answers a function that takes it away.
 */
export function toast(text, { label, action, seconds = 6, bad = false } = {}) {
  const area = document.querySelector('.toasts') ?? document.body.appendChild(el('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' }));
  const node = el('div', { class: bad ? 'toast bad' : 'toast' }, el('span', {}, text));
  let timer;
  const close = () => {
    clearTimeout(timer);
    node.remove();
  };
  const start = () => {
    clearTimeout(timer);
    timer = setTimeout(close, seconds * 1000);
  };
  if (label) node.append(el('button', { type: 'button', class: 'quiet', onclick: () => { close(); action(); } }, label));
  node.append(el('button', { type: 'button', class: 'quiet close', 'aria-label': 'Dismiss', onclick: close }, '\u00d7'));
  for (const event of ['mouseenter', 'focusin']) node.addEventListener(event, () => clearTimeout(timer));
  for (const event of ['mouseleave', 'focusout']) node.addEventListener(event, start);
  area.append(node);
  start();
  return close;
}

/** Whether a key press belongs to a field or a dialog rather than to the page. */
export function isTyping(event) {
  const { target } = event;
  const typing = target instanceof Element && target.closest('input, select, textarea, [contenteditable]');
  return Boolean(typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]'));
}
