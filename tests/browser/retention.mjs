// The pages of retention, as somebody in a clinic uses them: the risk list, a person, why, and what
// is done about it. Needs a server with --demo, and EMAIL of an editor: see run.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { editor, faintTexts, launch, open, sidewaysScroll, signIn } from './harness.mjs';

const { SHOTS } = process.env;
let browser;
let call;
before(async () => {
  browser = await launch();
  call = await editor();
  await scored();
});
after(() => browser.close());

const shot = async (page, name) => { if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true }); };

/** Everybody of the demonstration has a score. */
async function scored() {
  for (let tries = 0; tries < 400; tries += 1) {
    const { items } = await call('GET', '/v1/risk-list?limit=1');
    if (items.length) return items[0];
    await new Promise((go) => { setTimeout(go, 50); });
  }
  throw new Error('nobody was scored');
}

test('whoever is not signed in is led to the sign-in and back to the risk list', async () => {
  const { page, finish } = await open(browser, '/retention');
  await page.waitForURL('**/console/sign-in?next=/retention');
  await signIn(page);
  await page.waitForURL('**/retention');
  await page.getByRole('heading', { name: 'Risk list' }).waitFor();
  const people = page.locator('ol.people > li');
  assert.ok(await people.count() >= 10, 'the list has people');
  await shot(page, 'retention-risk-list');
  assert.deepEqual(await faintTexts(page), []);

  const { items } = await call('GET', '/v1/risk-list');
  const shown = await people.locator('.who').allInnerTexts();
  assert.deepEqual(shown, items.map((one) => one.name), 'the page and the API agree on who comes first');
  await page.getByLabel('At least').selectOption('high');
  await page.getByRole('button', { name: 'Show' }).click();
  const levels = await page.locator('ol.people .level').allInnerTexts();
  assert.ok(levels.length > 0 && levels.every((level) => ['high', 'critical'].includes(level)), levels.join());
  await finish();
});

test('a person says where they stand, why, and what has happened', async () => {
  const [first] = (await call('GET', '/v1/risk-list?limit=1')).items;
  const { page, finish } = await open(browser, '/console/sign-in?next=/retention');
  await signIn(page);
  await page.waitForURL('**/retention');
  await page.locator('ol.people a').first().click();
  await page.getByRole('heading', { name: first.name }).waitFor();
  await page.getByText(`${Math.round(first.score * 100)} %`).first().waitFor();
  for (const reason of first.reasons) await page.getByText(reason.words, { exact: true }).waitFor();
  assert.ok(await page.locator('.timeline li').count() > 0, 'the timeline has events');
  await shot(page, 'retention-patient');
  assert.deepEqual(await faintTexts(page), []);
  const trail = await call('GET', '/v1/audit?page_size=20');
  assert.ok(trail.items.some((entry) => entry.target === `patients/${first.patient_id}`), 'who looked is on record');
  await finish();
});

test('the pages fit on a phone and work without scripts', async () => {
  const desk = await open(browser, '/console/sign-in?next=/retention');
  await signIn(desk.page);
  await desk.page.waitForURL('**/retention');
  const state = await desk.context.storageState();
  await desk.finish();
  const context = await browser.newContext({ baseURL: process.env.BASE_URL, javaScriptEnabled: false, storageState: state, viewport: { width: 360, height: 740 } });
  const page = await context.newPage();
  const answer = await page.goto('/retention');
  assert.ok((await answer.body()).length < 60_000, 'the list is small enough for a slow link');
  assert.equal(await sidewaysScroll(page), 0);
  await shot(page, 'retention-risk-list-phone');
  await page.locator('ol.people a').first().click();
  await page.locator('.timeline').waitFor();
  assert.equal(await sidewaysScroll(page), 0);
  await shot(page, 'retention-patient-phone');
  await context.close();
});
