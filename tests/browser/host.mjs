// The pages of the host: the API reference and the first setup. Needs a running server: see harness.mjs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faintTexts, launch, leftmost, open, sidewaysScroll, signIn } from './harness.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const operation = (page, method, path) => page.locator('details.operation').filter({ has: page.locator('summary .path', { hasText: new RegExp(`^${path}$`) }) }).filter({ has: page.locator(`summary .verb.${method}`) });

test('the reference lists operations, finds one, and runs it with the session', async () => {
  const { page, finish } = await open(browser, '/docs');
  const list = operation(page, 'get', '/v1/songs');
  await list.waitFor();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await signIn(page);
  await page.keyboard.press('/');
  await page.keyboard.type('get /v1/songs');
  await operation(page, 'post', '/v1/songs').waitFor({ state: 'hidden' });
  await page.keyboard.press('Enter');
  await list.getByText('Needs songs:read').waitFor();
  await list.getByLabel('page_size').fill('1');
  await list.getByRole('button', { name: 'Run' }).click();
  await list.locator('.answer-body').waitFor();
  assert.match(await list.locator('.result').innerText(), /^200.*ms/);
  assert.equal(JSON.parse(await list.locator('.answer-body').innerText()).pagination.page_size, 1);
  await finish();
});

test('a pasted key is sent, is wrong, and is kept nowhere', async () => {
  const { page, context, finish } = await open(browser, '/docs');
  const list = operation(page, 'get', '/v1/songs');
  await page.getByRole('button', { name: 'Use a key' }).click();
  await page.getByLabel('API key or access token').fill('plm_not_a_key');
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.getByRole('button', { name: 'Key in use' }).waitFor();
  await list.locator('summary').first().click();
  const sent = page.waitForRequest(/\/v1\/songs$/);
  await list.getByRole('button', { name: 'Run' }).click();
  assert.equal((await sent).headers().authorization, 'Bearer plm_not_a_key');
  await list.locator('.result', { hasText: '401' }).waitFor();
  assert.equal(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie])).then((kept) => kept.includes('plm_')), false);
  assert.equal((await context.cookies()).length, 0);
  await finish();
});

test('a call can be copied for curl without the key in it', async () => {
  const { page, finish } = await open(browser, '/docs', { permissions: ['clipboard-read', 'clipboard-write'] });
  const create = operation(page, 'post', '/v1/songs');
  await create.locator('summary').first().click();
  await create.getByLabel('Body').fill('{"title":"It\'s far"}');
  await create.getByRole('button', { name: 'Copy as curl' }).click();
  await page.getByText('Copied.').waitFor();
  const line = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(line.startsWith("curl -X POST 'http"), line);
  assert.ok(line.includes('$PLIMSOLL_KEY') && line.includes("It'\\''s far"), line);
  await finish();
});

test('a link to an operation opens it', async () => {
  const { page, finish } = await open(browser, '/docs');
  const read = operation(page, 'get', '/v1/songs/\\{id\\}');
  const id = await read.getAttribute('id');
  await page.goto('about:blank');
  await page.goto(`/docs#${id}`);
  await read.getByRole('heading', { name: 'Answers' }).waitFor();
  await read.getByLabel('id').waitFor();
  await finish();
});

for (const colorScheme of ['light', 'dark']) {
  test(`the reference can be read on a phone in the ${colorScheme} scheme`, async () => {
    const { page, finish } = await open(browser, '/docs', { colorScheme, viewport: { width: 360, height: 740 } });
    for (const method of ['get', 'post']) await operation(page, method, '/v1/songs').locator('summary').first().click();
    await operation(page, 'post', '/v1/songs').getByLabel('Body').waitFor();
    assert.equal(await sidewaysScroll(page), 0);
    assert.deepEqual(await faintTexts(page), []);
    await finish();
  });
}

for (const colorScheme of ['light', 'dark']) {
  test(`the page of a problem can be read on a phone in the ${colorScheme} scheme, and leads to the reference`, async () => {
    const { page, finish } = await open(browser, '/problems/quota-exceeded', { colorScheme, viewport: { width: 360, height: 740 } });
    await page.getByRole('heading', { name: 'The quota is exceeded' }).waitFor();
    assert.ok((await leftmost(page, 'h1')) >= 8);
    assert.equal(await sidewaysScroll(page), 0);
    assert.deepEqual(await faintTexts(page), []);
    await page.getByRole('link', { name: 'API' }).click();
    await operation(page, 'get', '/v1/songs').waitFor();
    await finish();
  });
}

for (const colorScheme of ['light', 'dark']) {
  test(`the practices can be read on a phone in the ${colorScheme} scheme`, async () => {
    const { page, finish } = await open(browser, '/problems/quota-exceeded', { colorScheme, viewport: { width: 360, height: 740 } });
    await page.getByRole('link', { name: 'Practices' }).click();
    await page.getByRole('heading', { name: 'Practices', exact: true }).waitFor();
    assert.equal(await sidewaysScroll(page), 0);
    assert.deepEqual(await faintTexts(page), []);
    await page.getByRole('link', { name: 'Database index strategy' }).click();
    await page.getByRole('heading', { name: 'What is checked' }).waitFor();
    await page.getByRole('rowheader', { name: 'Who can fix it' }).waitFor();
    assert.equal(await sidewaysScroll(page), 0);
    assert.deepEqual(await faintTexts(page), []);
    await finish();
  });
}

test('setup without the whole link says so', async () => {
  const { page, finish } = await open(browser, '/setup');
  await page.getByRole('heading', { name: 'This is not the whole link' }).waitFor();
  assert.ok(!(await page.getByLabel('Organisation').isVisible()));
  await finish();
});

test('setup with a link that is no longer valid says so, and its token is in no address that was asked for', async () => {
  const { page, finish } = await open(browser, '/setup#token=used-long-ago', { viewport: { width: 360, height: 740 } });
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.getByLabel('Organisation').fill('Café Zürich & Söhne');
  assert.equal(await page.getByLabel('Short name').inputValue(), 'cafe-zurich-sohne');
  await page.getByLabel('Your email').fill('owner@example.org');
  await page.getByRole('textbox', { name: 'Password' }).fill('too short');
  await page.getByText('9 of at least 15 characters').waitFor();
  await page.getByRole('textbox', { name: 'Password' }).fill('a sentence that is long enough');
  await page.getByText('long enough.').waitFor();
  assert.equal(await sidewaysScroll(page), 0);
  assert.deepEqual(await faintTexts(page), []);
  await page.getByRole('button', { name: 'Create organisation' }).click();
  await page.getByRole('heading', { name: /no longer valid/ }).waitFor();
  assert.ok(asked.length && asked.every((url) => !url.includes('used-long-ago') && !url.includes('sentence')));
  await finish();
});
