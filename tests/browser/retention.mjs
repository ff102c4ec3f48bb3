// The pages of retention, as somebody in a clinic uses them: the risk list, a person, why, and what
// is done about it. Needs a server with --demo, and EMAIL of an editor: see run.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { credentials, editor, faintTexts, launch, open, sidewaysScroll, signIn } from './harness.mjs';

const { SHOTS, PEOPLE, BASE_URL } = process.env;
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

/** Waits until a job is over, and has it succeeded. */
async function done(job) {
  for (let tries = 0; tries < 1200; tries += 1) {
    const { state } = await call('GET', `/v1/jobs/${job}`);
    if (state === 'done') return;
    assert.notEqual(state, 'dead', `job ${job}`);
    await new Promise((go) => { setTimeout(go, 100); });
  }
  throw new Error(`job ${job} does not end`);
}

/** Waits until nothing is being scored. */
async function still() {
  for (const state of ['ready', 'running']) {
    for (let tries = 0; (await call('GET', `/v1/jobs?kind=retention.score&state=${state}`)).items.length; tries += 1) {
      assert.ok(tries < 1200, 'scoring does not end');
      await new Promise((go) => { setTimeout(go, 100); });
    }
  }
}

test('the health of the model is empty and says so, then is told in words and plots, on a desk and on a phone', async () => {
  const { page, context, finish } = await open(browser, '/console/sign-in?next=/retention/model');
  await signIn(page);
  await page.waitForURL('**/retention/model');
  await page.getByRole('heading', { name: 'Model health' }).waitFor();
  assert.ok(await page.getByText('nobody has looked yet').count() >= 3, 'what nobody looked at is not called well');
  await shot(page, 'retention-model-empty');
  assert.deepEqual(await faintTexts(page), []);

  // Many more people come, as if everybody had been scored long ago: what came of it is in their records.
  const login = await fetch(`${BASE_URL}/v1/auth/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(credentials) });
  const authorization = `Bearer ${(await login.json()).access_token}`;
  const file = await fetch(`${BASE_URL}/v1/ingest?name=more.ndjson`, { method: 'POST', headers: { authorization, 'content-type': 'application/x-ndjson' }, body: await readFile(PEOPLE) });
  assert.equal(file.status, 201);
  await done((await file.json()).job);
  await still();
  const past = new Date(Date.now() - 130 * 86_400_000).toISOString().slice(0, 10);
  await done((await call('POST', '/v1/observability/watch')).job);
  await done((await call('POST', '/v1/predictions/all', { as_of: past })).job);
  await done((await call('POST', '/v1/observability/watch')).job);

  await page.reload();
  const report = (await call('GET', '/v1/observability/performance')).items[0].report;
  await page.locator('#answers').getByText(`area ${report.figures.auc.toFixed(3)}`).waitFor();
  assert.ok(await page.locator('#answers svg.plot circle').count() >= 3, 'the calibration has points');
  const rows = page.locator('#comes-in table.drift tbody tr');
  assert.equal(await rows.count(), 12);
  assert.doesNotMatch(await rows.first().locator('th').innerText(), /^\w+_\w+/, 'a feature is told in words');
  await page.locator('#groups').getByRole('rowheader', { name: 'Women' }).waitFor();
  assert.ok(await page.locator('#groups svg.interval').count() >= 1, 'rates are drawn with their intervals');
  await page.getByRole('link', { name: 'Groups' }).click();
  assert.equal(new URL(page.url()).hash, '#groups');
  await shot(page, 'retention-model');
  assert.deepEqual(await faintTexts(page), []);
  assert.equal(await sidewaysScroll(page), 0);

  const state = await context.storageState();
  await finish();
  for (const colorScheme of ['light', 'dark']) {
    const phone = await browser.newContext({ baseURL: BASE_URL, colorScheme, javaScriptEnabled: false, storageState: state, viewport: { width: 360, height: 740 } });
    const small = await phone.newPage();
    const answer = await small.goto('/retention/model');
    assert.ok((await answer.body()).length < 60_000, 'the page is small enough for a slow link');
    assert.equal(await sidewaysScroll(small), 0);
    await shot(small, `retention-model-phone-${colorScheme}`);
    await phone.close();
  }
  const dark = await open(browser, '/retention/model', { colorScheme: 'dark', storageState: state });
  await shot(dark.page, 'retention-model-dark');
  assert.deepEqual(await faintTexts(dark.page), []);
  await dark.finish();
});
