// Reading an OpenAPI 3.1 description: references, operations in groups, who may call them.

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'];
const NO_REFERENCE_AFTER = 20;

/** Follows local references (`#/components/…`); an unknown one is an empty object. */
export function resolve(node, description) {
  let found = node;
  for (let hops = 0; found?.$ref && hops < NO_REFERENCE_AFTER; hops += 1) {
    const steps = found.$ref.replace(/^#\//, '').split('/').map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'));
    found = steps.reduce((at, step) => at?.[step], description);
  }
  return found ?? {};
}

/** Operations by tag, tags in the order of the description, everything untagged last. */
export function operationsOf(description) {
  const groups = new Map((description.tags ?? []).map(({ name, description: text }) => [name, { name, description: text, operations: [] }]));
  for (const [path, item] of Object.entries(description.paths ?? {})) {
    for (const method of METHODS) {
      if (!item[method]) continue;
      const operation = operationOf(path, method, item, description);
      if (!groups.has(operation.tag)) groups.set(operation.tag, { name: operation.tag, operations: [] });
      groups.get(operation.tag).operations.push(operation);
    }
  }
  return [...groups.values()].filter(({ operations }) => operations.length);
}

function operationOf(path, method, item, description) {
  const raw = item[method];
  const tag = raw.tags?.[0] ?? 'Other';
  const own = (raw.parameters ?? []).map((parameter) => resolve(parameter, description));
  const shared = (item.parameters ?? []).map((parameter) => resolve(parameter, description))
    .filter((parameter) => !own.some(({ name, in: place }) => name === parameter.name && place === parameter.in));
  const responses = Object.entries(raw.responses ?? {}).map(([status, response]) => {
    const { description: text = '', headers = {}, content = {}, 'x-plimsoll-problems': listed } = resolve(response, description);
    return { status, text, headers, content: Object.entries(content), listed };
  });
  const access = accessOf(raw);
  return {
    id: raw.operationId ?? `${method}${path.replace(/\W+/g, '-')}`,
    tag, path, method, responses, access,
    summary: raw.summary ?? '',
    description: raw.description ?? '',
    deprecated: raw.deprecated === true,
    parameters: [...shared, ...own],
    body: raw.requestBody ? resolve(raw.requestBody, description) : null,
    problems: problemsOf(raw, responses, description),
    words: [method, path, raw.operationId, raw.summary, tag, access.needs].join(' ').toLowerCase(),
  };
}

/**
 * `x-plimsoll-access`: a permission (`"songs:write"` or `{permission, role}`), anyone who is signed
 * in (`"authenticated"` or `{authenticated: true}`), or anyone (`{public: "why"}`).
 */
function accessOf(raw) {
  const access = raw['x-plimsoll-access'];
  if (!access) return { needs: '', text: 'No required permission is declared.' };
  if (access === 'authenticated' || access.authenticated) return { needs: '', text: 'For anyone who is signed in, whatever the role.' };
  if (access === 'public' || access.public) {
    const why = access.because ?? (typeof access.public === 'string' ? access.public : '');
    return { needs: '', text: why ? `Open to anyone: ${why}` : 'Open to anyone.' };
  }
  return typeof access === 'string' ? { needs: access } : { needs: access.permission ?? JSON.stringify(access), role: access.role ?? access.least };
}

/** Problem codes: those listed in `x-plimsoll-problems` of the operation or its answers, else those in the examples of the answers. */
function problemsOf(raw, responses, description) {
  const told = responses.flatMap(({ listed }) => (Array.isArray(listed) ? listed : []));
  const listed = raw['x-plimsoll-problems'] ?? (told.length ? told : null);
  if (Array.isArray(listed)) return listed.map((entry) => (typeof entry === 'string' ? { code: entry } : entry));
  const found = new Map();
  for (const [type, media] of responses.flatMap(({ content }) => content)) {
    if (type !== 'application/problem+json') continue;
    const examples = [media.example, ...Object.values(media.examples ?? {}).map((example) => resolve(example, description).value)];
    for (const example of examples) if (example?.code) found.set(example.code, { code: example.code, title: example.title });
  }
  return [...found.values()];
}
