// Signs in with the session cookie and goes on to the console.

import { session } from '/assets/session.js';

// Only a path of this very server: whoever made the link must not lead people elsewhere.
const asked = new URLSearchParams(location.search).get('next') ?? '';
const NEXT = /^\/[a-z][\w/-]*$/.test(asked) ? asked : '/console/jobs';

async function ask() {
  if (await session.signIn()) location.replace(NEXT);
}

document.getElementById('again').addEventListener('click', ask);
if (await session.load()) location.replace(NEXT);
else await ask();
