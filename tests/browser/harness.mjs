// A real browser against a running server, and what every test holds the pages to.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const { BASE_URL, EMAIL, PASSWORD, TENANT, CHROMIUM = '/usr/bin/chromium' } = process.env;
if (!BASE_URL || !EMAIL || !PASSWORD) throw new Error('Set BASE_URL, EMAIL and PASSWORD (and TENANT where the address has several) of an editor on a running server.');

export const base = BASE_URL.replace(/\/$/, '');
export const credentials = { email: EMAIL, password: PASSWORD, ...(TENANT ? { tenant: TENANT } : {}) };

/** Starts the browser. It talks to the server under test and to nobody else. */
export const launch = () => chromium.launch({
  executablePath: CHROMIUM,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

/**
 * A page that remembers every error in its console, every exception, every breach of the content
 * policy and every request to another origin. `finish()` closes it and asserts there were none.
 */
export async function open(browser, path, options = {}) {
  const context = await browser.newContext({ baseURL: base, locale: 'en-GB', viewport: { width: 1180, height: 820 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    // The browser itself writes a line for every 4xx; for the API these are answers, not mistakes.
    const isAnswer = message.text().startsWith('Failed to load resource') && new URL(message.location().url || base).pathname.startsWith('/v1/');
    if (message.type() === 'error' && !isAnswer) wrong.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith('data:') && new URL(request.url()).origin !== new URL(base).origin) wrong.push(`foreign request: ${request.url()}`);
  });
  await page.exposeFunction('noteBreach', (text) => wrong.push(`content policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => window.noteBreach(`${violatedDirective} ${blockedURI}`));
  });
  const answer = await page.goto(path);
  assert.equal(answer.status(), 200, `${path} is served`);
  assert.match(answer.headers()['content-security-policy'] ?? '', /default-src 'none'/, `${path} has a strict content policy`);
  const finish = async () => {
    await context.close();
    assert.deepEqual(wrong, []);
  };
  return { page, context, finish };
}

/** The API without a browser, for arranging and for playing the other person. */
export async function editor() {
  const login = await fetch(`${base}/v1/auth/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(credentials) });
  assert.equal(login.status, 200, 'EMAIL and PASSWORD can sign in');
  const authorization = `Bearer ${(await login.json()).access_token}`;
  return async (method, path, body) => {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const answer = await fetch(base + path, { method, headers: { authorization, ...(body ? { 'content-type': type } : {}) }, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path} answered ${answer.status}: ${text}`);
    return text ? JSON.parse(text) : null;
  };
}

/** Signs in through the dialog that is open on `page`. */
export async function signIn(page) {
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  await dialog.getByLabel('Email').fill(credentials.email);
  await dialog.getByRole('textbox', { name: 'Password' }).fill(credentials.password);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  const organisation = dialog.getByLabel('Organisation');
  await Promise.race([dialog.waitFor({ state: 'detached' }), organisation.waitFor()]);
  if (await organisation.isVisible()) {
    await organisation.fill(credentials.tenant);
    await dialog.getByRole('button', { name: 'Sign in' }).click();
    await dialog.waitFor({ state: 'detached' });
  }
}

/** How far the page can be scrolled sideways, in pixels. */
export const sidewaysScroll = (page) => page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);

/** How far something stands from the left edge of the page, in pixels. */
export const leftmost = (page, selector) => page.locator(selector).first().evaluate((node) => node.getBoundingClientRect().left);

/** Visible texts whose contrast with what lies behind them is below WCAG 2.2 AA. */
export const faintTexts = (page) => page.evaluate(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return { rgb: [r, g, b], alpha: a / 255 };
  };
  const over = (top, under) => top.rgb.map((channel, at) => channel * top.alpha + under[at] * (1 - top.alpha));
  const behind = (node) => {
    if (!node) return [255, 255, 255];
    const own = parse(getComputedStyle(node).backgroundColor);
    return own.alpha === 1 ? own.rgb : over(own, behind(node.parentElement));
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((channel) => (channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  for (const node of document.body.querySelectorAll('*')) {
    const text = [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE).map((child) => child.data.trim()).join('');
    if (!text || node.matches(':disabled') || !node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const style = getComputedStyle(node);
    const ground = behind(node);
    const [dark, light] = [luminance(over(parse(style.color), ground)), luminance(ground)].sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    const large = Number.parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${node.tagName} ${text.slice(0, 30)}`);
  }
  return faint;
});
