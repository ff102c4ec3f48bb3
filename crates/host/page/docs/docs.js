// The reference of this server's API, drawn from /openapi.json as the running binary describes it.

import { call, el, isTyping, toast } from '/assets/house.js';
import { session, showAccount } from '/assets/session.js';
import { operationsOf } from './description.js';
import { askForKey, keyInUse, runForm } from './run.js';
import { exampleOf, meaning, schemaTable, typeInWords, withCode } from './schema.js';

const $ = (id) => document.getElementById(id);

function draw(description) {
  const groups = operationsOf(description);
  document.title = description.info?.title ?? 'API';
  $('docs-name').textContent = description.info?.title ?? 'API';
  $('docs-version').textContent = description.info?.version ?? '';
  const about = description.info?.description;
  $('docs-main').replaceChildren(
    el('h1', { class: 'unseen' }, 'API reference'),
    about ? prose(about) : '',
    ...groups.map((group) => el('section', { class: 'group', 'aria-label': group.name },
      el('h2', {}, group.name),
      group.description && el('p', { class: 'muted' }, withCode(group.description)),
      group.operations.map((operation) => operationBox(operation, description)))));
  $('docs-index').replaceChildren(...groups.map((group) => el('section', { class: 'group' },
    el('h2', {}, group.name),
    el('ul', {}, group.operations.map((operation) => el('li', { 'data-words': operation.words },
      el('a', { href: `#${operation.id}`, title: operation.summary }, verb(operation.method), el('span', { class: 'mono' }, breakable(operation.path)))))))));
  search();
}

const verb = (method) => el('span', { class: `verb ${method}` }, method.toUpperCase());
const prose = (text) => el('div', { class: 'prose' }, text.split(/\n{2,}/).map((paragraph) => el('p', {}, withCode(paragraph))));
/** A path that may break before each slash. */
const breakable = (path) => path.split(/(?=\/)/).flatMap((part) => [el('wbr'), part]);

/** One operation: its line, and a body that is drawn when it is first opened. */
function operationBox(operation, description) {
  const body = el('div', { class: 'body' });
  const box = el('details', { class: 'operation', id: operation.id, 'data-words': operation.words },
    el('summary', {}, verb(operation.method), el('span', { class: 'path mono' }, breakable(operation.path)), el('span', { class: 'muted' }, operation.summary)),
    body);
  box.addEventListener('toggle', () => {
    if (box.open && !body.childNodes.length) body.append(...operationBody(operation, description));
  });
  return box;
}

function operationBody(operation, description) {
  const { parameters, body, responses, access, problems } = operation;
  return [
    operation.deprecated && el('p', { class: 'notice warn' }, 'Deprecated.'),
    operation.description && prose(operation.description),
    el('p', { class: 'access' }, access.needs ? ['Needs ', el('code', {}, access.needs), access.role && ` (${access.role} and above)`] : access.text),
    parameters.length && part('Parameters', parameterTable(parameters, description)),
    body && part('Request body', ...Object.entries(body.content ?? {}).map(([type, media]) => mediaView(type, media, description))),
    part('Answers', el('div', { class: 'answers' }, responses.map((response) => responseView(response, description)))),
    problems.length && part('Problems', el('ul', { class: 'problems' }, problems.map(({ code, title }) => el('li', {}, el('a', { href: `/problems/${code}` }, el('code', {}, code)), title && ` ${title}`)))),
    part('Run', runForm(operation, description)),
  ].filter(Boolean);
}

const part = (title, ...content) => el('section', { class: 'part' }, el('h3', {}, title), ...content);

function parameterTable(parameters, description) {
  return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Parameters' }, el('table', {},
    el('thead', {}, el('tr', {}, ['Name', 'In', 'Type', 'Meaning'].map((name) => el('th', { scope: 'col' }, name)))),
    el('tbody', {}, parameters.map((parameter) => el('tr', {},
      el('td', {}, el('code', {}, parameter.name), parameter.required && el('span', { class: 'must' }, ' required')),
      el('td', {}, parameter.in),
      el('td', {}, typeInWords(parameter.schema ?? {}, description)),
      el('td', {}, meaning(parameter.schema ?? {}, parameter.description, description)))))));
}

function mediaView(type, media, description) {
  const example = exampleOf(media, description);
  return el('div', { class: 'media' },
    el('p', { class: 'mono muted' }, type),
    media.schema && schemaTable(media.schema, description),
    example !== undefined && el('details', { class: 'example' }, el('summary', {}, 'Example'), el('pre', { tabindex: '0' }, typeof example === 'string' ? example : JSON.stringify(example, null, 2))));
}

function responseView({ status, text, headers, content }, description) {
  const named = Object.keys(headers);
  const line = [el('span', { class: `status s${status[0]}` }, status), el('span', {}, text)];
  if (!content.length && !named.length) return el('div', { class: 'answer' }, line);
  return el('details', { class: 'answer' }, el('summary', {}, line), el('div', { class: 'inner' },
    named.length > 0 && el('p', {}, 'Headers: ', named.flatMap((name, at) => [at ? ', ' : '', el('code', {}, name)])),
    content.map(([type, media]) => mediaView(type, media, description))));
}

// ---- Finding ----------------------------------------------------------------------------------

function search() {
  const words = $('docs-search').value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const node of document.querySelectorAll('[data-words]')) {
    node.hidden = !words.every((word) => node.dataset.words.includes(word));
    if (!node.hidden && node.matches('details')) found += 1;
  }
  for (const group of document.querySelectorAll('.group')) group.hidden = !group.querySelector('[data-words]:not([hidden])');
  $('docs-count').textContent = words.length ? `${found} ${found === 1 ? 'operation' : 'operations'}` : '';
}

/** Opens the operation that the address names. */
function follow() {
  const box = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (const link of $('docs-index').querySelectorAll('a')) link.toggleAttribute('aria-current', link.hash === location.hash);
  if (!box?.matches('details.operation')) return;
  box.hidden = false;
  box.closest('.group').hidden = false;
  box.open = true;
  // Opening is drawn after the toggle event, and only then is it known where the box stands.
  box.addEventListener('toggle', () => box.scrollIntoView({ block: 'start' }), { once: true });
  box.scrollIntoView({ block: 'start' });
  box.querySelector('summary').focus({ preventScroll: true });
}

// ---- Wiring -----------------------------------------------------------------------------------

$('docs-search').addEventListener('input', search);
$('docs-search').addEventListener('keydown', (event) => {
  if (event.key === 'Enter') $('docs-index').querySelector('li:not([hidden]) a')?.click();
});
$('docs-index').addEventListener('click', (event) => {
  // The same address again fires no hashchange.
  if (event.target.closest('a')?.hash === location.hash) follow();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || isTyping(event)) return;
  event.preventDefault();
  $('docs-search').select();
});
window.addEventListener('hashchange', follow);
$('docs-key').addEventListener('click', async () => {
  await askForKey();
  $('docs-key').textContent = keyInUse() ? 'Key in use' : 'Use a key';
});

showAccount($('docs-account'), { onerror: (problem) => toast(problem.sentence, { bad: true }) });
session.load().catch((problem) => toast(problem.sentence, { bad: true }));
try {
  draw((await call('GET', '/openapi.json')).body);
  follow();
} catch (problem) {
  if (problem.status === undefined) throw problem;
  $('docs-main').replaceChildren(el('div', { class: 'notice bad', role: 'alert' }, el('strong', {}, 'The description could not be read'), el('p', {}, problem.sentence)));
}
