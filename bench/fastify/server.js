// Artists and songs with Fastify and better-sqlite3, one process, synchronous=FULL.
import { Ajv } from "ajv";
import Database from "better-sqlite3";
import Fastify from "fastify";

const { SQLITE_FILE, PORT } = process.env;
const db = new Database(SQLITE_FILE);
// better-sqlite3 is built to relax durability under WAL, so FULL is asked for by name.
for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"]) db.pragma(pragma);

const findArtist = db.prepare("SELECT id, name FROM artists WHERE id = ?");
const listArtists = db.prepare("SELECT id, name FROM artists ORDER BY id LIMIT ? OFFSET ?");
const countArtists = db.prepare("SELECT COUNT(*) FROM artists").pluck();
const insertArtist = db.prepare("INSERT INTO artists (name) VALUES (?)");
const listSongs = db.prepare(
  "SELECT id, title, artist_id, release_date, url, distance FROM songs ORDER BY id LIMIT ? OFFSET ?",
);
const countSongs = db.prepare("SELECT COUNT(*) FROM songs").pluck();

const nullable = (type) => ({ type, nullable: true });
const artist = { type: "object", properties: { id: { type: "integer" }, name: { type: "string" } } };
const song = {
  type: "object",
  properties: {
    id: { type: "integer" },
    title: { type: "string" },
    artist_id: nullable("integer"),
    release_date: nullable("string"),
    url: nullable("string"),
    distance: nullable("number"),
  },
};
const integer = { type: "integer" };
const boolean = { type: "boolean" };
const pagination = {
  type: "object",
  properties: {
    page: integer,
    page_size: integer,
    total_items: integer,
    total_pages: integer,
    has_next: boolean,
    has_prev: boolean,
  },
};
const pageOf = (items) => ({ type: "object", properties: { items: { type: "array", items }, pagination } });
const window = {
  type: "object",
  properties: {
    page: { type: "integer", minimum: 1, maximum: 1_000_000_000, default: 1 },
    page_size: { type: "integer", minimum: 1, maximum: 100, default: 10 },
  },
};
const newArtist = {
  type: "object",
  required: ["name"],
  additionalProperties: false,
  properties: { name: { type: "string", minLength: 1, maxLength: 64 } },
};
const byId = { type: "object", properties: { id: { type: "integer" } } };

function page({ page, page_size }, list, count) {
  const items = list.all(page_size, (page - 1) * page_size);
  const total_items = count.get();
  const total_pages = Math.ceil(total_items / page_size);
  const has_next = page < total_pages;
  return { items, pagination: { page, page_size, total_items, total_pages, has_next, has_prev: page > 1 } };
}

// By default Fastify drops unknown fields and turns numbers into text; the contract refuses both in a body.
const strict = new Ajv({ useDefaults: true });
const coercing = new Ajv({ useDefaults: true, coerceTypes: true });
const app = Fastify();
app.setValidatorCompiler(({ schema, httpPart }) => (httpPart === "body" ? strict : coercing).compile(schema));

app.get("/v1/artists/:id", { schema: { params: byId, response: { 200: artist } } }, (request, reply) => {
  const found = findArtist.get(request.params.id);
  if (found) reply.send(found);
  else reply.code(404).send({ detail: "artist not found" });
});

app.get("/v1/artists", { schema: { querystring: window, response: { 200: pageOf(artist) } } }, (request, reply) => {
  reply.send(page(request.query, listArtists, countArtists));
});

app.post("/v1/artists", { schema: { body: newArtist, response: { 201: artist } } }, (request, reply) => {
  const { name } = request.body;
  const id = Number(insertArtist.run(name).lastInsertRowid);
  reply.code(201).header("Location", `/v1/artists/${id}`).send({ id, name });
});

app.get("/v1/songs", { schema: { querystring: window, response: { 200: pageOf(song) } } }, (request, reply) => {
  reply.send(page(request.query, listSongs, countSongs));
});

process.once("SIGTERM", () => app.close().then(() => db.close()));
await app.listen({ host: "127.0.0.1", port: Number(PORT) });
