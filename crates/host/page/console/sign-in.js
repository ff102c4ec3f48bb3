// Signs in with the session cookie and goes on to the console.

import { session } from '/assets/session.js';

const NEXT = '/console/jobs';

async function ask() {
  if (await session.signIn()) location.replace(NEXT);
}

document.getElementById('again').addEventListener('click', ask);
if (await session.load()) location.replace(NEXT);
else await ask();
