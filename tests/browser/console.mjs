// The console's page of jobs: dead letters, their reasons, and the buttons. Needs a server that was
// started with --rehearsal, and EMAIL of an admin: see run.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { editor, faintTexts, launch, open, sidewaysScroll, signIn } from './harness.mjs';

const { SHOTS } = process.env;
let browser;
let call;
before(async () => {
  browser = await launch();
  call = await editor();
});
after(() => browser.close());

const shot = async (page, name) => { if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true }); };

async function poison(payload) {
  const { jobs: [id] } = await call('POST', '/v1/rehearsal/poison', { payload });
  await until(id, 'dead');
  return id;
}

async function until(id, state) {
  for (let tries = 0; tries < 400; tries += 1) {
    const job = await call('GET', `/v1/jobs/${id}`);
    if (job.state === state) return job;
    await new Promise((go) => { setTimeout(go, 50); });
  }
  throw new Error(`${id} did not become ${state}`);
}

test('an admin signs in, corrects a dead letter and throws another one away', async () => {
  const typo = await poison({ nam: 'Vespertine' });
  const lost = await poison({ nobody: 'needs this' });
  await call('POST', '/v1/rehearsal/jobs', { jobs: [{ name: 'later' }], after_ms: 3_000_000 });
  const { page, finish } = await open(browser, '/console/jobs');
  await page.waitForURL('**/console/sign-in');
  await signIn(page);
  await page.waitForURL('**/console/jobs');
  await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
  const letter = (id) => page.locator('article.job').filter({ has: page.locator(`a[href="/console/jobs/${id}"].mono`) });
  await letter(typo).getByText('PLM-REQ-001').waitFor();
  await shot(page, 'console-jobs');
  assert.deepEqual(await faintTexts(page), []);

  await letter(typo).getByRole('link', { name: 'Look and correct' }).click();
  const payload = page.getByLabel('Payload: correct it here, or leave it as it is');
  assert.match(await payload.inputValue(), /"nam": "Vespertine"/);
  await shot(page, 'console-job');
  assert.deepEqual(await faintTexts(page), []);
  await payload.fill('{"name": "Vespertine"}');
  await page.getByPlaceholder('What was repaired').fill('the field is called name');
  await page.getByRole('button', { name: 'Replay' }).click();
  await page.getByText('It is in the queue again.').waitFor();
  assert.equal((await until(typo, 'done')).replays, 1);

  await letter(lost).getByText('Discard', { exact: true }).first().click();
  await letter(lost).getByPlaceholder('Why it may be thrown away').fill('nobody needs it');
  await letter(lost).getByRole('button', { name: 'Discard' }).click();
  await page.getByText('It was discarded.').waitFor();
  assert.equal((await until(lost, 'cancelled')).reason, 'nobody needs it');
  await letter(lost).waitFor({ state: 'detached' });
  await finish();
});

test('the buttons work without scripts, on a phone', async () => {
  const id = await poison({ nam: 'Homogenic' });
  const desk = await open(browser, '/console/sign-in');
  await signIn(desk.page);
  await desk.page.waitForURL('**/console/jobs');
  const state = await desk.context.storageState();
  await desk.finish();

  const context = await browser.newContext({ baseURL: process.env.BASE_URL, javaScriptEnabled: false, storageState: state, viewport: { width: 360, height: 740 } });
  const page = await context.newPage();
  await page.goto('/console/jobs');
  const letter = page.locator('article.job').filter({ has: page.locator(`a[href="/console/jobs/${id}"].mono`) });
  await shot(page, 'console-jobs-phone');
  await letter.getByRole('button', { name: 'Replay' }).click();
  await page.getByText('It is in the queue again.').waitFor();
  const again = await until(id, 'dead');
  assert.equal(again.replays, 1);
  await context.close();
});

test('the pages fit a phone, light and dark', async () => {
  const id = await poison({ nam: 'a word that is long enough to be wider than any phone '.repeat(4) });
  for (const colorScheme of ['light', 'dark']) {
    const { page, finish } = await open(browser, '/console/sign-in', { viewport: { width: 360, height: 740 }, colorScheme });
    await signIn(page);
    await page.waitForURL('**/console/jobs');
    for (const path of ['/console/jobs', `/console/jobs/${id}`]) {
      await page.goto(path);
      assert.equal(await sidewaysScroll(page), 0, `${path} scrolls sideways`);
      assert.deepEqual(await faintTexts(page), []);
      await shot(page, `phone-${colorScheme}-${path.split('/').length > 3 ? 'job' : 'jobs'}`);
    }
    await finish();
  }
});
