// Trying an operation from the page: a form per operation, the answer, and the same call for curl.

import { el, toast } from '/assets/house.js';
import { session } from '/assets/session.js';
import { exampleOf, made } from './schema.js';

const LONGEST_SHOWN = 200_000;

// Lives as long as the page and nowhere else: not in storage, not in the address, not in the curl line.
let key = '';

/** Whether a pasted key is sent instead of the session. */
export const keyInUse = () => key !== '';

/** Asks for a key or a token; an empty answer goes back to the session. */
export function askForKey() {
  const input = el('input', { id: 'docs-key-value', type: 'password', autocomplete: 'off', spellcheck: 'false' });
  input.value = key;
  const dialog = el('dialog', { class: 'narrow', 'aria-labelledby': 'docs-key-title' },
    el('form', { method: 'dialog', class: 'fields' },
      el('h2', { id: 'docs-key-title' }, 'Use a key'),
      el('div', { class: 'field' },
        el('label', { for: input.id }, 'API key or access token'), input,
        el('p', { class: 'hint' }, 'Sent as a bearer token instead of your session, and forgotten when this page closes.')),
      el('div', { class: 'actions' },
        el('button', { type: 'button', onclick: () => { input.value = ''; dialog.close('use'); } }, 'Forget it'),
        el('button', { class: 'primary', value: 'use' }, 'Use it'))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((settle) => dialog.addEventListener('close', () => {
    if (dialog.returnValue === 'use') key = input.value.trim();
    dialog.remove();
    settle();
  }));
}

/** The form that sends `operation`, filled with its examples. */
export function runForm(operation, description) {
  const { id, method, parameters, body } = operation;
  const fields = parameters.filter((parameter) => parameter.in !== 'cookie').map((parameter) => ({ parameter, input: parameterInput(id, parameter, description) }));
  const media = Object.entries(body?.content ?? {});
  const type = media.length > 1 ? el('select', { id: `${id}-run-type`, 'aria-label': 'Content type' }, media.map(([name]) => el('option', {}, name))) : null;
  const text = media.length ? el('textarea', { id: `${id}-run-body`, class: 'mono', spellcheck: 'false', rows: '9' }) : null;
  const fill = () => { text.value = asText(exampleOf(media.find(([name]) => !type || name === type.value)[1], description)); };
  if (text) fill();
  type?.addEventListener('change', fill);

  const out = el('div', { class: 'out', role: 'status', 'aria-live': 'polite' });
  const run = el('button', { class: 'primary' }, 'Run');
  const request = () => requestOf(operation, fields, text && { type: type?.value ?? media[0][0], text: text.value });
  const curl = el('button', { type: 'button', onclick: () => copy(request, out) }, 'Copy as curl');
  const form = el('form', { method: 'post', novalidate: true, class: 'run fields' },
    fields.length > 0 && el('div', { class: 'inputs' }, fields.map(({ parameter, input }) => el('div', { class: 'field' },
      el('label', { for: input.id }, el('code', {}, parameter.name), el('span', { class: 'muted' }, ` ${parameter.in}${parameter.required ? ', required' : ''}`)), input))),
    text && el('div', { class: 'field' }, el('label', { for: text.id }, 'Body'), type, text),
    el('div', { class: 'actions' },
      method === 'get' || method === 'head' ? null : el('span', { class: 'muted grow' }, 'Running this changes data.'), curl, run),
    out);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (run.disabled) return;
    run.disabled = true;
    try {
      await send(request(), out);
    } catch (problem) {
      out.replaceChildren(el('p', { class: 'notice bad' }, problem.message));
    } finally {
      run.disabled = false;
    }
  });
  return form;
}

const asText = (example) => (example === undefined ? '' : typeof example === 'string' ? example : JSON.stringify(example, null, 2));

function parameterInput(id, parameter, description) {
  const schema = parameter.schema ?? {};
  const name = `${id}-run-${parameter.in}-${parameter.name.replace(/\W+/g, '-')}`;
  const example = parameter.example ?? Object.values(parameter.examples ?? {})[0]?.value ?? (parameter.required ? made(schema, description) : undefined);
  const input = el('input', { id: name, autocomplete: 'off', spellcheck: 'false', placeholder: schema.default === undefined ? null : `default ${schema.default}` });
  // An optional parameter starts empty, its example as a hint: the plain call is the one to try first.
  if (parameter.required) input.value = example ?? '';
  else if (example !== undefined) input.placeholder = `such as ${example}`;
  return input;
}

/** The request as typed. Throws an Error in words where a path is not filled in. */
function requestOf({ method, path }, fields, body) {
  const headers = { accept: 'application/json' };
  const query = new URLSearchParams();
  let target = path;
  for (const { parameter, input } of fields) {
    const value = input.value.trim();
    if (parameter.in === 'path') {
      if (!value) throw new Error(`Fill in “${parameter.name}”: it is part of the path.`);
      target = target.replace(`{${parameter.name}}`, () => encodeURIComponent(value));
    } else if (value && parameter.in === 'query') query.append(parameter.name, value);
    else if (value && parameter.in === 'header') headers[parameter.name.toLowerCase()] = value;
  }
  if (query.size) target += `?${query}`;
  if (body?.text.trim()) headers['content-type'] = body.type;
  return { method: method.toUpperCase(), url: new URL(target, location.origin).href, headers, body: body?.text.trim() || undefined };
}

async function send({ method, url, headers, body }, out) {
  const sent = key ? { ...headers, authorization: `Bearer ${key}` } : headers;
  out.replaceChildren(el('p', { class: 'muted' }, 'Waiting…'));
  const began = performance.now();
  let answer;
  let text;
  try {
    answer = await fetch(url, { method, headers: sent, body, cache: 'no-store', credentials: key ? 'omit' : 'same-origin' });
    text = await answer.text();
  } catch {
    throw new Error('No answer: the server cannot be reached, or the browser refused to send this request.');
  }
  const took = performance.now() - began;
  const pretty = prettyJson(text);
  const cut = pretty.length > LONGEST_SHOWN;
  out.replaceChildren(...[
    el('p', { class: 'result' },
      el('span', { class: `status s${String(answer.status)[0]}` }, `${answer.status}`), ` ${answer.statusText} `,
      el('span', { class: 'muted' }, `${took < 10 ? took.toFixed(1) : Math.round(took)} ms, ${size(text)}`)),
    el('details', { class: 'example' }, el('summary', {}, 'Headers'), el('pre', { tabindex: '0' }, [...answer.headers].map(([name, value]) => `${name}: ${value}`).join('\n'))),
    pretty && el('pre', { tabindex: '0', class: 'answer-body', 'aria-label': 'Answer' }, cut ? pretty.slice(0, LONGEST_SHOWN) : pretty),
    cut && el('p', { class: 'muted' }, `Only the first ${LONGEST_SHOWN.toLocaleString()} of ${pretty.length.toLocaleString()} characters are shown.`),
    answer.status === 401 && !key && el('button', { type: 'button', onclick: () => session.signIn() }, 'Sign in'),
  ].filter(Boolean));
}

/** Indented where it is JSON, as it came where it is not. Numbers keep their digits within a double. */
function prettyJson(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const size = (text) => {
  const bytes = new TextEncoder().encode(text).length;
  return bytes < 10_000 ? `${bytes} bytes` : `${(bytes / 1000).toFixed(1)} kB`;
};

const quoted = (value) => `'${value.replaceAll("'", "'\\''")}'`;

/** The same request for a shell; the key stands in a variable, so that it never lands in a history. */
export function curlOf({ method, url, headers, body }) {
  const parts = ['curl', ...(method === 'GET' ? [] : ['-X', method]), quoted(url), '-H "authorization: Bearer $PLIMSOLL_KEY"'];
  for (const [name, value] of Object.entries(headers)) parts.push('-H', quoted(`${name}: ${value}`));
  if (body) parts.push('--data-raw', quoted(body));
  return parts.join(' ');
}

async function copy(request, out) {
  let line;
  try {
    line = curlOf(request());
  } catch (problem) {
    out.replaceChildren(el('p', { class: 'notice bad' }, problem.message));
    return;
  }
  try {
    await navigator.clipboard.writeText(line);
    toast('Copied. Put your key into PLIMSOLL_KEY.');
  } catch {
    // Without a clipboard (plain HTTP on another machine) the line can still be marked and copied.
    out.replaceChildren(el('p', { class: 'muted' }, 'Copy this line:'), el('pre', { tabindex: '0' }, line));
  }
}
