// JSON Schema as people read it: a type in words, a table of fields, an example.

import { el } from '/assets/house.js';
import { resolve } from './description.js';

const DEEPEST = 6;
/** A longer pattern says nothing to a reader; /openapi.json has it. */
const LONGEST_PATTERN = 48;
const LIMITS = { minimum: '≥', maximum: '≤', exclusiveMinimum: '>', exclusiveMaximum: '<', pattern: 'matches', multipleOf: 'a multiple of' };
const COUNTS = { Length: 'characters', Items: 'items', Properties: 'fields' };

const nameOf = (schema) => schema?.$ref?.split('/').pop();
const choicesOf = (schema) => schema.oneOf ?? schema.anyOf ?? null;
const isNull = (schema) => schema.type === 'null';

/** The schema itself: references followed, `allOf` merged, "this or null" reduced to this. */
function flatten(schema, description) {
  const flat = { ...resolve(schema, description) };
  for (const piece of flat.allOf ?? []) {
    const { properties, required, ...rest } = flatten(piece, description);
    Object.assign(flat, { ...rest, ...flat, properties: { ...properties, ...flat.properties }, required: [...(required ?? []), ...(flat.required ?? [])] });
  }
  delete flat.allOf;
  const choices = choicesOf(flat);
  const real = choices?.filter((choice) => !isNull(choice));
  if (real?.length !== 1) return flat;
  const { oneOf, anyOf, ...outer } = flat;
  return { ...flatten(real[0], description), ...outer, nullable: real.length < choices.length };
}

/** `string (date) or null`, `list of Song`, `one of "a", "b"`. */
export function typeInWords(schema, description) {
  const flat = flatten(schema, description);
  const nullable = flat.nullable || (Array.isArray(flat.type) && flat.type.includes('null'));
  return plainType(schema, flat, description) + (nullable ? ' or null' : '');
}

function plainType(schema, flat, description) {
  if (flat.const !== undefined) return JSON.stringify(flat.const);
  if (flat.enum) return flat.enum.filter((value) => value !== null).map((value) => JSON.stringify(value)).join(' or ');
  const choices = choicesOf(flat);
  if (choices) return choices.map((choice) => (isNull(choice) ? 'null' : nameOf(choice) ?? typeInWords(choice, description))).join(' or ');
  const types = [flat.type ?? (flat.properties ? 'object' : 'anything')].flat().filter((type) => type !== 'null');
  return types.map((type) => {
    if (type === 'array') return `list of ${nameOf(flat.items) ?? typeInWords(flat.items ?? {}, description)}`;
    if (type === 'object') return nameOf(schema) ?? flat.title ?? 'object';
    return flat.format ? `${type} (${flat.format})` : type;
  }).join(' or ');
}

function limitsOf(flat) {
  const counts = Object.entries(COUNTS).map(([what, unit]) => {
    const [least, most] = [flat[`min${what}`], flat[`max${what}`]];
    if (least !== undefined && most !== undefined) return `${least} to ${most} ${unit}`;
    if (most !== undefined) return `at most ${most} ${unit}`;
    return least === undefined ? '' : `${unit}: ${least} or more`;
  });
  const shown = (name) => flat[name] !== undefined && !(name === 'pattern' && flat.pattern.length > LONGEST_PATTERN);
  const limits = Object.entries(LIMITS).map(([name, text]) => (shown(name) ? `${text} ${flat[name]}` : ''));
  return [...counts, ...limits, flat.default === undefined ? '' : `default ${JSON.stringify(flat.default)}`].filter(Boolean);
}

/** Our texts mark code with backticks, as Markdown does. */
export const withCode = (text) => text.split('`').map((piece, at) => (at % 2 ? el('code', {}, piece) : piece));

/** What a value means, and the limits it must keep. */
export function meaning(schema, text, description) {
  const limits = limitsOf(flatten(schema, description)).join(', ');
  return [...withCode(text ?? ''), text && ' ', limits && el('span', { class: 'muted' }, limits)].filter(Boolean);
}

/** Every field with what is nested in it, indented; a schema inside itself is named, not repeated. */
export function schemaTable(schema, description) {
  const lines = [];
  collect(schema, description, 0, new Set(), lines);
  if (!lines.length) return el('p', {}, typeInWords(schema, description));
  return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Fields' }, el('table', { class: 'schema' },
    el('thead', {}, el('tr', {}, ['Field', 'Type', 'Meaning'].map((name) => el('th', { scope: 'col' }, name)))),
    el('tbody', {}, lines.map(({ name, flat, type, must, depth }) => el('tr', {},
      el('td', { class: `depth-${depth}` }, el('code', {}, name), must && el('span', { class: 'must' }, ' required')),
      el('td', {}, type),
      el('td', {}, meaning(flat, flat.description, description)))))));
}

function collect(schema, description, depth, seen, lines) {
  const flat = flatten(schema, description);
  const inner = flat.items ? flatten(flat.items, description) : flat;
  const name = nameOf(schema) ?? nameOf(flat.items);
  if (depth >= DEEPEST || (name && seen.has(name))) return;
  const within = new Set(seen).add(name);
  for (const [field, value] of Object.entries(inner.properties ?? {})) {
    lines.push({ name: field, flat: flatten(value, description), type: typeInWords(value, description), must: inner.required?.includes(field), depth });
    const nested = choicesOf(flatten(value, description)) ? [] : [value];
    for (const one of nested) collect(withoutNull(one), description, depth + 1, within, lines);
  }
}

/** `{anyOf: [X, null]}` is X for everything but its type. */
function withoutNull(schema) {
  const real = choicesOf(schema)?.filter((choice) => !isNull(choice));
  return real?.length === 1 ? real[0] : schema;
}

/** The example of a media type: its own, its schema's, or one made from the schema. */
export function exampleOf(media, description) {
  if (media.example !== undefined) return media.example;
  const [first] = Object.values(media.examples ?? {});
  if (first !== undefined) return resolve(first, description).value;
  return media.schema ? made(media.schema, description, 0) : undefined;
}

/** A value that fits `schema`. */
export function made(schema, description, depth = 0) {
  const flat = flatten(schema, description);
  const given = [flat.example, flat.examples?.[0], flat.const, flat.default, flat.enum?.[0]].find((value) => value !== undefined);
  if (given !== undefined) return given;
  const choices = choicesOf(flat);
  if (choices) return made(choices.find((choice) => !isNull(choice)) ?? {}, description, depth);
  const type = [flat.type ?? (flat.properties ? 'object' : 'null')].flat().find((one) => one !== 'null');
  if (type === 'object') return depth > DEEPEST ? {} : Object.fromEntries(Object.entries(flat.properties ?? {}).map(([name, value]) => [name, made(value, description, depth + 1)]));
  if (type === 'array') return depth > DEEPEST ? [] : [made(flat.items ?? {}, description, depth + 1)];
  if (type === 'integer' || type === 'number') return flat.minimum ?? 1;
  if (type === 'boolean') return true;
  if (type === 'string') return { date: '2026-01-31', 'date-time': '2026-01-31T12:00:00Z', uri: 'https://example.org/', 'web-address': 'https://example.org/', email: 'name@example.org' }[flat.format] ?? 'text';
  return null;
}
