// The first setup, which works once: needs a server without users, and its link in SETUP_URL.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { base, credentials, faintTexts, launch, open, signIn } from './harness.mjs';

const link = new URL(process.env.SETUP_URL);
let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test('the printed link leads from an empty server to the first song', async () => {
  const { page, finish } = await open(browser, link.pathname + link.hash);
  const create = page.getByRole('button', { name: 'Create organisation' });
  await page.getByLabel('Organisation').fill('Hafen & Söhne');
  await page.getByLabel('Your email').fill('nobody');
  await page.getByRole('textbox', { name: 'Password' }).fill(credentials.password);
  await create.click();
  await page.locator('[data-pointer="/email"] .fault').waitFor();
  await page.getByLabel('Your email').fill(credentials.email);
  await page.getByRole('textbox', { name: 'Password' }).fill('aaaaaaaaaaaaaaaaaaaa');
  await create.click();
  await page.locator('[data-pointer="/password"] .fault').waitFor();
  assert.deepEqual(await faintTexts(page), []);
  await page.getByRole('textbox', { name: 'Password' }).fill(credentials.password);
  await create.click();
  await page.getByRole('heading', { name: 'Hafen & Söhne is set up' }).waitFor();
  assert.equal(new URL(page.url()).hash, '', 'the token is no longer in the address');

  await page.getByRole('link', { name: 'Go to the start page' }).click();
  await signIn(page);
  await page.getByText('Hafen & Söhne, owner').waitFor();
  await page.getByRole('button', { name: 'Add song' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Add song' });
  await dialog.getByLabel('Title').fill('The first one');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row').filter({ hasText: 'The first one' }).waitFor();
  await finish();
});

test('the same link leads nowhere a second time', async () => {
  const { page, finish } = await open(browser, link.pathname + link.hash);
  await page.getByLabel('Organisation').fill('Another');
  await page.getByLabel('Your email').fill('other@example.org');
  await page.getByRole('textbox', { name: 'Password' }).fill(credentials.password);
  await page.getByRole('button', { name: 'Create organisation' }).click();
  await page.getByRole('heading', { name: /no longer valid/ }).waitFor();
  await finish();
  assert.equal(link.origin, new URL(base).origin);
});
