// First start: the one-time link makes the first organisation and its owner.

import { call, clearProblem, Problem, revealer, showProblem } from '/assets/house.js';

const LEAST_CHARACTERS = 15;
const $ = (id) => document.getElementById(id);

// The token stands behind the # because browsers never send that part: it stays out of every log.
const token = new URLSearchParams(location.hash.slice(1)).get('token');
const form = document.forms[0];
let slugIsTheirs = false;

function reveal(section, heading) {
  for (const id of ['begin', 'closed', 'done']) $(id).hidden = id !== section;
  heading?.focus();
}

function close(title, text, next) {
  $('closed-title').textContent = title;
  $('closed-text').textContent = text;
  $('closed-next').textContent = next;
  reveal('closed', $('closed-title'));
}

/** A short name made from the long one: what a person would have typed. */
function slugFrom(name) {
  return name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
}

function showLength() {
  const count = [...$('password').value].length;
  const met = count >= LEAST_CHARACTERS;
  $('length').classList.toggle('met', met);
  $('length').textContent = count === 0
    ? `At least ${LEAST_CHARACTERS} characters. A sentence is fine; spaces count, no symbols are needed.`
    : met ? `${count} characters: long enough.` : `${count} of at least ${LEAST_CHARACTERS} characters.`;
}

async function submit(event) {
  event.preventDefault();
  if ($('submit').disabled) return;
  $('submit').disabled = true;
  clearProblem(form);
  const tenant = { slug: $('slug').value.trim(), name: $('name').value.trim() };
  try {
    await call('POST', '/v1/setup', { body: { token, tenant, email: $('email').value.trim(), password: $('password').value } });
    form.reset();
    history.replaceState(null, '', location.pathname);
    $('done-title').textContent = `${tenant.name} is set up`;
    reveal('done', $('done-title'));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    const onlyPassword = problem.code === 'PLM-AUTH-008' && !problem.faults.length;
    if (onlyPassword) problem.faults = [{ pointer: '/password', detail: problem.message }];
    const badLink = problem.status === 410 || problem.faults.some(({ pointer }) => pointer === '/token');
    if (badLink) close(problem.title, problem.sentence, 'If nobody has set up this server yet, start it again: it prints a fresh link as long as it has no user.');
    else showProblem(form, problem);
  } finally {
    $('submit').disabled = false;
  }
}

$('password-row').append(revealer($('password')));
$('name').addEventListener('input', () => { if (!slugIsTheirs) $('slug').value = slugFrom($('name').value); });
$('slug').addEventListener('input', () => { slugIsTheirs = $('slug').value !== ''; });
$('password').addEventListener('input', showLength);
form.addEventListener('submit', submit);
window.addEventListener('hashchange', () => location.reload());

if (token) {
  reveal('begin');
  $('name').focus();
} else {
  close('This is not the whole link', 'Setting up needs the one-time link that the server prints when it starts without any user.', 'Open that link as it is, with the part behind the #.');
}
