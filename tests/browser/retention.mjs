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

test('an alert is taken on, planned for, done and settled', async () => {
  const { page, finish } = await open(browser, '/console/sign-in?next=/retention');
  await signIn(page);
  await page.waitForURL('**/retention');
  await page.getByRole('link', { name: 'Alerts' }).click();
  await page.getByRole('heading', { name: 'Alerts' }).waitFor();
  const waiting = page.locator('ul.alerts > li').filter({ has: page.getByRole('button', { name: 'Acknowledge' }) });
  const before = await waiting.count();
  assert.ok(before > 0, 'somebody is at risk');
  await shot(page, 'retention-alerts');
  assert.deepEqual(await faintTexts(page), []);
  const name = await waiting.first().locator('header a').innerText();
  await waiting.first().getByRole('button', { name: 'Acknowledge' }).click();
  await page.waitForURL('**/retention/alerts');
  assert.equal(await waiting.count(), before - 1);

  await page.getByRole('link', { name, exact: true }).first().click();
  await page.getByRole('heading', { name }).waitFor();
  const alert = page.locator('#alerts ul.alerts > li').filter({ hasText: 'taken on by you' }).first();
  await alert.getByText('Plan an intervention').click();
  await alert.getByLabel('In a few words').fill('Ask what keeps them away');
  await alert.getByRole('button', { name: 'Plan', exact: true }).click();
  const deed = page.locator('#interventions .deed').filter({ hasText: 'Ask what keeps them away' });
  await deed.getByRole('button', { name: 'Start' }).click();
  await deed.getByText('in progress').waitFor();
  await shot(page, 'retention-intervention');
  assert.deepEqual(await faintTexts(page), []);
  await deed.getByLabel('What came of it').selectOption('returned');
  await deed.getByLabel('Notes').fill('came back on Tuesday');
  await deed.getByRole('button', { name: 'Record the outcome' }).click();
  await page.locator('#interventions .deed.done').filter({ hasText: 'returned' }).waitFor();
  await page.getByRole('button', { name: 'Resolve' }).first().click();
  await page.getByText('Settled: 1').waitFor();
  await shot(page, 'retention-outcome');
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
  await page.goto('/retention/alerts');
  assert.equal(await sidewaysScroll(page), 0);
  await shot(page, 'retention-alerts-phone');
  await context.close();
});
