// Who is signed in, the sign-in dialog, and calls that survive the end of a session.

import { call, clearProblem, el, field, Problem, showProblem } from './house.js';

class Session extends EventTarget {
  /** What `/v1/auth/me` says, null for a visitor, undefined until it has been asked. */
  me = undefined;
  #asking = null;
  /** The tenant of the last session, kept when it ends by itself. */
  #tenant = null;

  /** Asks the server who we are. A visitor is an answer, not an error. */
  async load() {
    try {
      const { body } = await call('GET', '/v1/auth/me');
      this.#become(body?.principal === 'anonymous' ? null : body);
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      this.#become(null);
    }
    return this.me;
  }

  /** Whether the principal holds `resource:action`; the server decides again on every request. */
  may(permission) {
    const [noun, verb] = permission.split(':');
    return (this.me?.permissions ?? []).some((held) => held === '*' || held === permission || held === `${noun}:*` || held === `*:${verb}`);
  }

  /**
   * Calls the API. Where the session has ended, or a visitor wants to change something, asks to
   * sign in and sends the same request again, unless the person came back for another tenant:
   * then what was typed belongs elsewhere. A visitor who only reads gets the problem.
   */
  async send(method, path, options) {
    const tenant = this.#tenant;
    try {
      return await call(method, path, options);
    } catch (problem) {
      if (problem.status !== 401 || (!this.me && method === 'GET')) throw problem;
      const why = this.me ? 'Your session has ended. Sign in to go on; nothing you typed is lost.' : 'Sign in to go on; nothing you typed is lost.';
      if (!(await this.signIn(why))) {
        if (this.me) this.#become(null);
        throw problem;
      }
      if (tenant && tenant.id !== this.me.tenant?.id) {
        throw new Problem(409, { title: 'You signed in to another organisation', detail: `Nothing was sent: this belongs to ${tenant.name}.` });
      }
      return call(method, path, options);
    }
  }

  /** Opens the dialog; answers true once signed in, false when it was closed. */
  signIn(why = '') {
    this.#asking ??= askToSignIn(why, () => this.load()).finally(() => { this.#asking = null; });
    return this.#asking;
  }

  /** Ends the session on the server. */
  async signOut() {
    await call('POST', '/v1/auth/logout').catch((problem) => { if (problem.status !== 401) throw problem; });
    this.#tenant = null;
    this.#become(null);
  }

  #become(me) {
    this.me = me;
    if (me) this.#tenant = me.tenant ?? null;
    this.dispatchEvent(new Event('change'));
  }
}

export const session = new Session();

function askToSignIn(why, load) {
  const tenant = field({ id: 'signin-tenant', label: 'Organisation', pointer: '/tenant', autocomplete: 'organization', autocapitalize: 'none', spellcheck: 'false', hint: 'Its short name, as in its address.' });
  tenant.hidden = true;
  const submit = el('button', { class: 'primary' }, 'Sign in');
  const form = el('form', { method: 'post', novalidate: true, class: 'fields' },
    why && el('p', { class: 'muted' }, why),
    field({ id: 'signin-email', label: 'Email', pointer: '/email', type: 'email', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false' }),
    field({ id: 'signin-password', label: 'Password', pointer: '/password', type: 'password', autocomplete: 'current-password' }),
    tenant,
    el('div', { class: 'actions' }, submit));
  const dialog = el('dialog', { class: 'narrow', 'aria-labelledby': 'signin-title' },
    el('div', { class: 'dialog-head' },
      el('h2', { id: 'signin-title' }, 'Sign in'),
      el('button', { type: 'button', class: 'quiet close', 'aria-label': 'Close', onclick: () => dialog.close() }, '\u00d7')),
    form);
  const value = (id) => form.querySelector(`#${id}`).value;

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    clearProblem(form);
    const body = { email: value('signin-email').trim(), password: value('signin-password'), cookie: true };
    if (value('signin-tenant').trim()) body.tenant = value('signin-tenant').trim();
    try {
      await call('POST', '/v1/auth/login', { body });
      if (await load()) return dialog.close('in');
      throw new Problem(0, { title: 'The browser kept no session', detail: 'Signing in worked, yet the session cookie did not stay. Allow cookies for this site and try again.' });
    } catch (problem) {
      // An address may belong to several organisations; only then is the third field worth asking.
      if (problem.status === 409 || problem.faults.some((fault) => fault.pointer === '/tenant')) tenant.hidden = false;
      if (problem.status === 409 && !problem.faults.length) problem.faults = [{ pointer: '/tenant', detail: problem.message }];
      showProblem(form, problem);
    } finally {
      submit.disabled = false;
    }
  });

  return new Promise((settle) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      settle(dialog.returnValue === 'in');
    });
    document.body.append(dialog);
    dialog.showModal();
    form.querySelector('#signin-email').focus();
  });
}

/** Keeps `place` showing who is signed in, with the button that changes it. Answers what draws it anew. */
export function showAccount(place, { signInLabel = () => 'Sign in', onerror = () => {} } = {}) {
  const draw = () => {
    const { me } = session;
    if (me === undefined) return;
    if (me === null) {
      place.replaceChildren(el('button', { type: 'button', onclick: () => session.signIn() }, signInLabel()));
      return;
    }
    const name = me.email || me.principal;
    const where = [me.tenant?.name || me.tenant?.slug, me.role].filter(Boolean).join(', ');
    place.replaceChildren(
      el('span', { class: 'account-name', title: `${name}, ${where}` }, name, ' ', el('span', { class: 'muted' }, where)),
      el('button', { type: 'button', class: 'quiet', onclick: () => session.signOut().catch(onerror) }, 'Sign out'));
  };
  session.addEventListener('change', draw);
  draw();
  return draw;
}
