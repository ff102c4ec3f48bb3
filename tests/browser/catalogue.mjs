// The catalogue's page as a person uses it. Needs a running server: see harness.mjs.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { base, editor, faintTexts, launch, open, sidewaysScroll, signIn } from './harness.mjs';

const MANY = 25;
const mark = `zz${randomBytes(4).toString('hex')}`;
let browser;
let api;
let storageState;

before(async () => {
  browser = await launch();
  api = await editor();
  // Added from last to first and at mixed distances, so that no two orders look alike.
  for (let at = MANY; at >= 1; at -= 1) {
    await api('POST', '/v1/songs', { title: `${mark} ${String(at).padStart(2, '0')}`, distance: (at * 7) % (MANY + 1), url: `https://example.org/${at}` });
  }
  const { page, context, finish } = await open(browser, '/');
  await comeIn(page);
  await signIn(page);
  storageState = await context.storageState();
  await finish();
});

after(async () => {
  // Whatever a test has added carries the mark; what is gone already is no fault.
  const { items } = await api('GET', `/v1/songs?q=${mark}&page_size=100`);
  for (const { id } of items) await api('DELETE', `/v1/songs/${id}`);
  const { items: artists } = await api('GET', `/v1/artists?name[contains]=${mark}&page_size=100`);
  for (const { id } of artists) await api('DELETE', `/v1/artists/${id}`);
  await browser.close();
});

/** The page of a signed-in editor, showing what `query` asks for. */
async function catalogue(query = `q=${mark}`, options = {}) {
  const opened = await open(browser, `/?${query}`, { storageState, ...options });
  await opened.page.getByRole('row').nth(1).waitFor();
  return { ...opened, rows: opened.page.locator('#songs tbody tr'), dialog: opened.page.locator('#song') };
}

/** The sign-in dialog: a private catalogue opens it at once, a public one offers it. */
async function comeIn(page) {
  const offer = page.getByRole('button', { name: 'Sign in to edit' });
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  await offer.or(dialog).first().waitFor();
  if (await offer.isVisible()) await offer.click();
  return dialog;
}

const makeSong = (title, more = {}) => api('POST', '/v1/songs', { title: `${mark} ${title}`, ...more });

test('a person signs in and sees the songs', async () => {
  const { page, finish } = await open(browser, '/');
  const dialog = await comeIn(page);
  await dialog.getByLabel('Email').fill('nobody@example.org');
  await dialog.getByRole('textbox', { name: 'Password' }).fill('not the password of anybody');
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.getByRole('alert').waitFor();
  await signIn(page);
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  await page.locator('#songs tbody tr').first().waitFor();
  await finish();
});

test('searching narrows the list while typing and can be cleared', async () => {
  const { page, rows, finish } = await catalogue('');
  await page.keyboard.press('/');
  await page.keyboard.type(`${mark} 07`);
  await page.getByText(`1 song for “${mark} 07”`).waitFor();
  assert.match(await rows.first().innerText(), new RegExp(`${mark} 07`));
  assert.equal(new URL(page.url()).searchParams.get('q'), `${mark} 07`);
  await page.keyboard.type('x');
  await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
  await page.getByRole('button', { name: 'Show all songs' }).click();
  await rows.first().waitFor();
  assert.equal(await page.getByRole('searchbox').inputValue(), '');
  await finish();
});

test('a column sorts upwards, downwards and not at all', async () => {
  const { page, rows, finish } = await catalogue();
  const click = (name) => page.getByRole('columnheader', { name }).getByRole('button').click();
  const shown = async (at, sorted) => {
    await rows.first().getByText(`${mark} ${at}`).waitFor();
    assert.deepEqual(await page.locator('th[aria-sort]').evaluateAll((headers) => headers.map((header) => `${header.textContent} ${header.ariaSort}`)), sorted);
  };
  await shown('25', []);
  await click('Title');
  await shown('01', ['Title ascending']);
  await click('Title');
  await shown('25', ['Title descending']);
  await click('Light years');
  await shown('15', ['Light years ascending']);
  await click('Light years');
  await click('Light years');
  await shown('25', []);
  await finish();
});

test('pages turn, and the address leads back to the same page', async () => {
  const { page, rows, finish } = await catalogue(`q=${mark}&sort=title`);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('Page 2 of 3').waitFor();
  assert.match(await rows.first().innerText(), new RegExp(`${mark} 11`));
  await page.reload();
  await page.getByText('Page 2 of 3').waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('Page 3 of 3').waitFor();
  assert.equal(await rows.count(), 5);
  assert.ok(await page.getByRole('button', { name: 'Next' }).isDisabled());
  await page.goBack();
  await page.getByText('Page 2 of 3').waitFor();
  await page.getByLabel('Per page').selectOption('50');
  await page.getByText('Page 1 of 1').waitFor();
  assert.equal(await rows.count(), MANY);
  await finish();
});

test('a title links to the song without giving this page away', async () => {
  const { rows, finish } = await catalogue(`q=${mark}%2003`);
  const link = rows.first().getByRole('link', { name: `${mark} 03` });
  assert.equal(await link.getAttribute('href'), 'https://example.org/3');
  assert.equal(await link.getAttribute('rel'), 'noopener noreferrer');
  assert.equal(await link.getAttribute('target'), '_blank');
  await finish();
});

test('a fault is shown at its field, and a song is added once it is mended', async () => {
  const { page, dialog, finish } = await catalogue();
  await page.keyboard.press('n');
  await dialog.getByLabel('Link').fill('ftp://example.org');
  await dialog.getByRole('button', { name: 'Save' }).click();
  const title = dialog.getByRole('textbox', { name: 'Title' });
  await dialog.locator('[data-pointer="/title"] .fault').waitFor();
  await dialog.locator('[data-pointer="/url"] .fault').waitFor();
  assert.equal(await title.getAttribute('aria-invalid'), 'true');
  assert.ok(await title.evaluate((node) => node === document.activeElement), 'the first field at fault has the focus');

  await title.fill(`${mark} added <b>&amp;`);
  await dialog.getByLabel('Link').fill('https://example.org/added');
  await dialog.getByLabel('Released').fill('1969-07-20');
  await dialog.getByLabel('Distance in light years').fill('4,2');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.locator('[data-pointer="/distance"] .fault').waitFor();
  await dialog.getByLabel('Distance in light years').fill('4.25');
  await dialog.getByRole('combobox', { name: 'Artist' }).fill(`${mark} Quartet`);
  await dialog.getByRole('option', { name: /as a new artist/ }).click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  const row = page.getByRole('row').filter({ hasText: `${mark} added <b>&amp;` });
  await row.getByRole('button', { name: `${mark} Quartet`, exact: true }).waitFor();
  assert.match(await row.innerText(), /20 Jul 1969[\s\S]*4\.25/);
  await finish();
});

test('an existing artist is found by typing and chosen with the keyboard', async () => {
  const artist = await api('POST', '/v1/artists', { name: `${mark} Trio` });
  const song = await makeSong('choose');
  const { page, dialog, finish } = await catalogue(`q=${mark}%20choose`);
  await page.getByRole('button', { name: `Edit ${song.title}` }).click();
  const combobox = dialog.getByRole('combobox', { name: 'Artist' });
  await combobox.fill(`${mark} tri`);
  await dialog.getByRole('option', { name: artist.name, exact: true }).waitFor();
  await combobox.press('Escape');
  assert.ok(await dialog.isVisible(), 'Escape closes the list before it closes the dialog');
  await combobox.press('ArrowDown');
  await dialog.getByRole('option', { name: artist.name, exact: true }).waitFor();
  await combobox.press('Enter');
  assert.equal(await combobox.inputValue(), artist.name);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: artist.name, exact: true }).waitFor();
  assert.equal((await api('GET', `/v1/songs/${song.id}`)).artist_id, artist.id);
  await finish();
});

test('an edit changes what was changed and nothing else', async () => {
  const song = await makeSong('edit', { distance: 8.6, release_date: '2001-02-03' });
  const { page, dialog, finish } = await catalogue(`q=${mark}%20edit`);
  await page.getByRole('row').nth(1).press('Enter');
  await dialog.getByRole('textbox', { name: 'Title' }).fill(`${mark} edited`);
  const sent = page.waitForRequest((request) => request.method() === 'PATCH');
  await dialog.getByRole('button', { name: 'Save' }).click();
  const request = await sent;
  assert.deepEqual(request.postDataJSON(), { title: `${mark} edited` });
  assert.equal(request.headers()['content-type'], 'application/merge-patch+json');
  assert.ok(request.headers()['if-match']);
  await page.getByText(`Saved “${mark} edited”.`).waitFor();
  assert.deepEqual(await api('GET', `/v1/songs/${song.id}`), { ...song, title: `${mark} edited` });
  await finish();
});

for (const [choice, title] of [['Load their version', 'theirs'], ['Keep mine and save', 'mine']]) {
  test(`when somebody else was faster, “${choice}” leaves ${title}`, async () => {
    const song = await makeSong(`conflict ${title}`);
    const { page, dialog, finish } = await catalogue(`q=${encodeURIComponent(song.title)}`);
    await page.getByRole('button', { name: `Edit ${song.title}` }).click();
    await dialog.getByRole('textbox', { name: 'Title' }).fill(`${mark} mine`);
    await api('PATCH', `/v1/songs/${song.id}`, { title: `${mark} theirs`, distance: 11 });
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('Somebody changed this song meanwhile').waitFor();
    await dialog.getByRole('button', { name: choice }).click();
    if (title === 'theirs') {
      await dialog.getByText('Somebody changed').waitFor({ state: 'hidden' });
      assert.equal(await dialog.getByRole('textbox', { name: 'Title' }).inputValue(), `${mark} theirs`);
      await dialog.getByRole('button', { name: 'Save' }).click();
    }
    await dialog.waitFor({ state: 'hidden' });
    const now = await api('GET', `/v1/songs/${song.id}`);
    assert.equal(now.title, `${mark} ${title}`);
    assert.equal(now.distance, 11, 'what the other person changed elsewhere stays');
    await finish();
  });
}

test('when somebody deleted the song meanwhile, what was typed can become a new one', async () => {
  const song = await makeSong('gone');
  const { page, dialog, finish } = await catalogue(`q=${mark}%20gone`);
  await page.getByRole('button', { name: `Edit ${song.title}` }).click();
  await dialog.getByRole('textbox', { name: 'Title' }).fill(`${mark} gone and back`);
  await api('DELETE', `/v1/songs/${song.id}`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('button', { name: 'Add it as a new song' }).click();
  await page.getByText(`Added “${mark} gone and back”.`).waitFor();
  await finish();
});

test('a form closed by mistake can be opened again with what was typed', async () => {
  const { page, dialog, finish } = await catalogue();
  await page.keyboard.press('n');
  await dialog.getByRole('textbox', { name: 'Title' }).fill('half a title');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Open again' }).click();
  assert.equal(await dialog.getByRole('textbox', { name: 'Title' }).inputValue(), 'half a title');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Open again' }).waitFor();
  await page.getByRole('button', { name: 'Add song' }).click();
  assert.equal(await page.getByText('Open again').count(), 0, 'the offer ends with the next form');
  assert.equal(await dialog.getByRole('textbox', { name: 'Title' }).inputValue(), '');
  await finish();
});

test('a deleted song comes back with undo', async () => {
  const song = await makeSong('delete');
  const { page, rows, finish } = await catalogue(`q=${mark}%20delete`);
  await page.getByRole('button', { name: `Delete ${song.title}` }).click();
  await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await rows.first().getByText(song.title).waitFor();
  await rows.first().press('Delete');
  await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
  await page.keyboard.press('u');
  await rows.first().getByText(song.title).waitFor();
  assert.equal((await api('GET', `/v1/songs/${song.id}`)).title, song.title);
  await finish();
});

test('the keyboard alone moves through the list', async () => {
  const { page, rows, dialog, finish } = await catalogue(`q=${mark}&sort=title`);
  const focused = () => page.evaluate(() => document.activeElement.closest('tr')?.dataset.id ?? document.activeElement.id);
  const id = async (at) => rows.nth(at).getAttribute('data-id');
  await page.keyboard.press('/');
  assert.equal(await focused(), 'search');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), await id(0));
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), await id(2));
  await page.keyboard.press('Enter');
  await dialog.waitFor();
  assert.equal(await dialog.getByRole('textbox', { name: 'Title' }).inputValue(), `${mark} 03`);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await focused(), await id(2), 'the focus returns to the row');
  await page.keyboard.press('ArrowRight');
  await page.getByText('Page 2 of').waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
  await page.getByLabel('Use single-letter keys').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  assert.ok(!(await dialog.isVisible()), 'single letters do nothing once switched off');
  await finish();
});

test('what was typed survives the end of the session', async () => {
  const { page, context, dialog, finish } = await catalogue();
  await page.keyboard.press('n');
  await dialog.getByRole('textbox', { name: 'Title' }).fill(`${mark} kept`);
  await context.clearCookies();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Your session has ended').waitFor();
  await signIn(page);
  await page.getByText(`Added “${mark} kept”.`).waitFor();
  assert.equal((await api('GET', `/v1/songs?q=${mark}%20kept`)).items.length, 1);
  await finish();
});

test('a server that cannot be reached is said in words, and trying again helps', async () => {
  const { page, rows, finish } = await catalogue();
  await page.route('**/v1/songs?*', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', headers: { 'retry-after': '3' }, body: JSON.stringify({ title: 'The database is busy', status: 503, detail: 'No connection became free in time.', code: 'PLM-DAT-003', request_id: 'req_test' }) }));
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('No connection became free in time. Try again in 3 seconds. Request req_test.').waitFor();
  await page.unroute('**/v1/songs?*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('Page 2 of').waitFor();
  assert.ok(await rows.count());
  assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0);
  await finish();
});

test('a phone of 360 pixels shows everything without sideways scrolling', async () => {
  const { page, dialog, finish } = await catalogue(`q=${mark}`, { viewport: { width: 360, height: 740 } });
  assert.equal(await sidewaysScroll(page), 0);
  await page.getByLabel('Sort by').selectOption('-title');
  await page.getByRole('row').filter({ hasText: /kept|edited|conflict|choose|mine|theirs/ }).first().waitFor();
  await page.getByRole('button', { name: 'Add song' }).click();
  await dialog.waitFor();
  assert.equal(await dialog.evaluate((node) => node.scrollWidth - node.clientWidth), 0);
  await finish();
});

for (const colorScheme of ['light', 'dark']) {
  test(`every text can be read in the ${colorScheme} scheme`, async () => {
    const { page, dialog, finish } = await catalogue(`q=${mark}`, { colorScheme });
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red] = ground.match(/\d+/g).map(Number);
    assert.ok(colorScheme === 'dark' ? red < 60 : red > 200, `the ground is ${ground}`);
    assert.deepEqual(await faintTexts(page), []);
    await page.keyboard.press('n');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.locator('.fault').first().waitFor();
    assert.deepEqual(await faintTexts(page), []);
    await finish();
  });
}

test('a visitor reads a public catalogue without any way to edit, and is asked to sign in to a private one', async () => {
  const isPublic = (await fetch(`${base}/v1/songs`)).status === 200;
  const { page, finish } = await open(browser, '/');
  if (isPublic) {
    await page.locator('#songs tbody tr').first().waitFor();
    await page.getByRole('button', { name: 'Sign in to edit' }).waitFor();
    await page.keyboard.press('n');
    assert.ok(!(await page.locator('#song').isVisible()));
  } else {
    await page.getByRole('dialog', { name: 'Sign in' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Sign in to see the songs').waitFor();
  }
  assert.ok(!(await page.getByRole('button', { name: 'Add song' }).isVisible()));
  assert.equal(await page.getByRole('button', { name: /^(Edit|Delete) / }).count(), 0);
  await finish();
});

test('signing out ends the session on the server', async () => {
  const { page, context, finish } = await open(browser, '/');
  await comeIn(page);
  await signIn(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: /^Sign in/ }).first().waitFor();
  assert.equal((await context.cookies()).filter(({ value }) => value).length, 0);
  await finish();
});
