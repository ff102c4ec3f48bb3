use super::*;
use crate::{
    fact::{Fact, Kind},
    language::Language,
};

/// The facts of a kind in a text, as `line name key=value ...`.
fn facts(path: &str, text: &str, kind: Kind) -> Vec<String> {
    shown(TYPESCRIPT.extract(path, text).facts.iter().filter(|fact| fact.kind == kind))
}

fn shown<'a>(facts: impl Iterator<Item = &'a Fact>) -> Vec<String> {
    facts
        .map(|fact| {
            let attrs: Vec<String> = fact.attrs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{} {} {}", fact.line, fact.name, attrs.join(" ")).trim_end().to_owned()
        })
        .collect()
}

#[test]
fn calls_have_the_name_that_the_import_gives_and_the_type_that_the_constructor_gives() {
    let text = "import express, { Router as R } from 'express';\nimport * as http from 'node:http';\nconst helmet = require('helmet');\nconst app = express();\nconst r = R();\nr.get('/x', handler);\napp.use(helmet({ hsts: { maxAge: 60 * 60 } }));\nhttp.createServer(app).listen(3000);\n";
    let calls = facts("src/app.ts", text, Kind::Call);
    assert_eq!(calls[0], "4 express result=app");
    assert_eq!(calls[1], "5 express.Router result=r");
    assert!(calls[2].starts_with("6 express.Router.get receiver=r 0=/x 1=handler"), "{}", calls[2]);
    assert!(
        calls.iter().any(|call| call.starts_with("7 helmet 0={hsts:{maxAge:60*60}} hsts={maxAge:60*60} hsts.maxAge=3600")),
        "{calls:#?}"
    );
    assert!(calls.iter().any(|call| call.starts_with("8 http.createServer.listen") && call.contains("0=3000")), "{calls:#?}");
}

#[test]
fn fields_have_the_type_of_the_constructors_parameters() {
    let text = "import { UserService } from './user.service';\nexport class Users {\n  private client = new Client();\n  constructor(private readonly users: UserService) {}\n  list() { return this.users.findAll({ take: 10 }); }\n}\n";
    let calls = facts("src/users.ts", text, Kind::Call);
    assert!(
        calls.iter().any(|call| call.starts_with("5 src.user.service.UserService.findAll receiver=this.users 0={take:10} take=10")),
        "{calls:#?}"
    );
    let extract = TYPESCRIPT.extract("src/users.ts", text);
    assert!(
        extract.uses.iter().any(|used| used.path == "UserService.findAll" && extract.symbols[used.symbol as usize].name == "Users.list")
    );
}

#[test]
fn the_environment_is_read_with_the_value_that_stands_in() {
    let text = "const port = process.env.PORT || 3000;\nconst key = process.env['KEY'] ?? 'change-me';\nconst { HOST = '0.0.0.0' } = process.env;\nconst n = Number(process.env.N) || 5;\nconst on = process.env.ON === 'true';\n";
    assert_eq!(
        facts("a.ts", text, Kind::Env),
        [
            "1 PORT default=3000 required=no",
            "2 KEY default=change-me required=no",
            "3 HOST default=0.0.0.0 required=no",
            "4 N default=5 required=no",
            "5 ON required=no"
        ]
    );
    assert!(facts("a.ts", text, Kind::Setting).contains(&"5 on env=ON default=false required=no".to_owned()));
    let given = "module.exports = { dsn: process.env.DATABASE_URL, mail: { host: process.env.MAIL_HOST } };\n";
    assert_eq!(facts("config.js", given, Kind::Env), ["1 DATABASE_URL required=no", "1 MAIL_HOST required=no"]);
    let table = "const checks = {\n  PORT: z.number(),\n  MAIL_HOST: z.string(),\n} as const;\nconst colours = { RED: 1 };\nfor (const name of Object.keys(checks)) { read(process.env[name]); }\n";
    assert_eq!(facts("env.ts", table, Kind::Env), ["2 PORT required=no", "3 MAIL_HOST required=no"]);
}

#[test]
fn schemas_over_the_environment_say_what_is_required() {
    let text = "import { z } from 'zod';\nconst schema = z.object({\n  PORT: z.coerce.number().default(3000),\n  SECRET: z.string().min(32),\n  MODE: z.string().optional(),\n});\nexport const env = schema.parse(process.env);\n";
    let settings = facts("env.ts", text, Kind::Setting);
    assert_eq!(
        settings,
        [
            "3 PORT class=zod.z.object type=number default=3000 required=no",
            "4 SECRET class=zod.z.object type=string required=yes",
            "5 MODE class=zod.z.object type=string required=no"
        ]
    );
}

#[test]
fn empty_handlers_of_failures_are_told_from_others() {
    let text = "try { a(); } catch (e) {}\ntry { a(); } catch { /* never mind */ }\ntry { a(); } catch (e) { logger.error(e); }\ntry { a(); } catch (e) { throw new Gone('x'); }\na().catch(() => {});\n";
    let bodies: Vec<String> = TYPESCRIPT
        .extract("a.ts", text)
        .facts
        .iter()
        .filter(|fact| fact.kind == Kind::Catch)
        .map(|fact| fact.get("body").unwrap().to_owned())
        .collect();
    assert_eq!(bodies, ["empty", "empty", "log", "raise", "empty"]);
    assert_eq!(facts("a.ts", text, Kind::Raise), ["4 Gone 0=x"]);
}

#[test]
fn tests_are_counted_with_their_checks_and_those_that_cannot_fail_are_named() {
    let text = "describe('math', () => {\n  it('adds', () => { expect(add(1, 2)).toBe(3); expect(add(0, 0)).toBe(0); });\n  it('exists', () => { expect(true).toBe(true); });\n  it.skip('waits', async () => { await thing(); });\n});\n";
    assert_eq!(
        facts("a.test.ts", text, Kind::Test),
        [
            "2 adds asserts=2 marker=math",
            "3 exists asserts=1 marker=math trivial=yes",
            "4 waits asserts=0 marker=math skipped=yes trivial=yes"
        ]
    );
}

#[test]
fn sql_with_values_pasted_into_it_is_told_from_sql_with_parameters() {
    let text = "db.query(`SELECT * FROM users WHERE id = ${id}`);\ndb.query('SELECT * FROM users WHERE id = $1', [id]);\nconst q = 'SELECT * FROM users WHERE name = ' + name;\nconst s = sql`SELECT * FROM users WHERE id = ${id}`;\n";
    let built: Vec<(u32, bool, bool)> = TYPESCRIPT
        .extract("a.ts", text)
        .facts
        .iter()
        .filter(|fact| fact.kind == Kind::Text)
        .map(|fact| (fact.line, fact.get("built").is_some(), fact.get("tag").is_some()))
        .collect();
    assert_eq!(built, [(1, true, false), (2, false, false), (3, true, false), (3, false, false), (4, false, true)]);
}

#[test]
fn code_behind_a_flag_has_a_guard() {
    let text = "import config from './config';\nif (config.rateLimit) { app.use(limit); } else { warn(); }\nif (process.env.NODE_ENV === 'production') { app.use(helmet()); }\nfunction f() { if (!config.enabled) return; start(); }\n";
    let extract = TYPESCRIPT.extract("a.ts", text);
    let guard = |name: &str| extract.facts.iter().find(|fact| fact.kind == Kind::Call && fact.name == name).unwrap().guard.clone();
    assert_eq!(guard("app.use").map(|guard| (guard.flag, guard.negated)), Some(("rateLimit".to_owned(), false)));
    assert_eq!(guard("warn").map(|guard| (guard.flag, guard.negated)), Some(("rateLimit".to_owned(), true)));
    assert_eq!(guard("helmet"), None);
    assert_eq!(guard("start").map(|guard| (guard.flag, guard.negated)), Some(("enabled".to_owned(), false)));
}

#[test]
fn comments_and_imports_are_no_mentions() {
    let extract = TYPESCRIPT.extract("a.ts", "import { limiter } from './limiter';\n// limiter()\n/* limiter */\nconst x = 1;\n");
    assert!(extract.uses.is_empty(), "{:?}", extract.uses);
}

#[test]
fn an_import_finds_index_files_other_endings_and_aliases() {
    let there = ["src/users/index.ts", "src/app.ts", "src/lib/db.ts", "libs/common/src/index.ts"];
    let exists = |path: &str| there.contains(&path);
    let find = |module: &str| super::resolve::find("src/app.ts", module, &exists);
    assert_eq!(find("./users").as_deref(), Some("src/users/index.ts"));
    assert_eq!(find("./app.js").as_deref(), Some("src/app.ts"));
    assert_eq!(find("@/lib/db").as_deref(), Some("src/lib/db.ts"));
    assert_eq!(find("@app/common").as_deref(), Some("libs/common/src/index.ts"));
    assert_eq!(find("express"), None);
}

#[test]
fn hostile_texts_are_read_without_harm() {
    let deep = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let chained = format!("a{}", ".b()".repeat(10_000));
    let nested = format!("{}{}", "function f(){".repeat(3_000), "}".repeat(3_000));
    let objects = format!("x({}1{})", "{a:".repeat(5_000), "}".repeat(5_000));
    let broken = "const ü = `${'💥".repeat(500);
    for text in [deep, chained, nested, objects, broken] {
        for path in ["a.js", "a.ts", "a.tsx"] {
            let extract = TYPESCRIPT.extract(path, &text);
            assert!(!extract.symbols.is_empty());
        }
    }
}

/// The wired facts of a tree, as `file:line kind name key=value ...`.
fn wired(files: &[(&str, &str)]) -> Vec<String> {
    let tree = crate::source::Tree::of(files.iter().copied());
    let facts = crate::wiring::facts(&tree);
    let made = [Kind::App, Kind::Route, Kind::Middleware, Kind::Handler, Kind::Hook];
    let ours = facts.all().iter().filter(|fact| made.contains(&fact.kind));
    ours.map(|fact| {
        let attrs: Vec<String> = fact.attrs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{}:{} {} {} {}", facts.path(fact.file), fact.line, fact.kind.name(), fact.name, attrs.join(" "))
    })
    .collect()
}

fn one<'a>(facts: &'a [String], start: &str) -> &'a str {
    facts.iter().find(|fact| fact.contains(start)).unwrap_or_else(|| panic!("{start} in {facts:#?}"))
}

#[test]
fn express_routers_are_mounted_with_their_prefixes_and_what_stands_before_them() {
    let facts = wired(&[
        (
            "src/app.js",
            "const express = require('express');\nconst helmet = require('helmet');\nconst rateLimit = require('express-rate-limit');\nconst auth = require('./auth');\nconst users = require('./users');\nconst app = express();\napp.get('/early', (req, res) => res.json({ ok: true }));\napp.use(helmet());\nconst limiter = rateLimit({ windowMs: 60 * 1000, max: 100 });\napp.use(limiter);\napp.use('/api/users', auth, users);\napp.use((err, req, res, next) => { res.status(500).json({}); });\napp.listen(3000);\nprocess.on('SIGTERM', () => { app.close(); });\n",
        ),
        (
            "src/auth.js",
            "const jwt = require('jsonwebtoken');\nmodule.exports = function auth(req, res, next) { if (!jwt.verify(req.headers.authorization, 'x')) return res.status(401).end(); next(); };\n",
        ),
        (
            "src/users.js",
            "const { Router } = require('express');\nconst { body } = require('express-validator');\nconst router = Router();\nconst list = async (req, res) => { res.json(await User.findAll({ limit: req.query.limit })); };\nrouter.get('/', list);\nrouter.route('/:id').put(body('name').isString(), async (req, res) => { await save(req.body); });\nmodule.exports = router;\n",
        ),
        (
            "src/lost.js",
            "const { Router } = require('express');\nconst router = Router();\nrouter.get('/lost', (req, res) => res.send('x'));\nmodule.exports = router;\n",
        ),
    ]);
    assert!(one(&facts, "src/app.js:6 app express").contains("var=app"));
    let early = one(&facts, "route GET /early");
    assert!(!early.contains("guard=") && early.contains("constant=yes"), "{early}");
    let list = one(&facts, "route GET /api/users ");
    assert!(
        list.contains("guard=helmet guard=express-rate-limit guard=src.auth.auth") && list.contains("guard_calls=jsonwebtoken.verify"),
        "{list}"
    );
    assert!(list.contains("auth=yes rejects=401 rejects=429"), "{list}");
    assert!(early.contains("auth=no") && !early.contains("rejects"), "{early}");
    assert!(list.contains("list=yes") && list.contains("param=limit in=query") && list.contains("input=raw"), "{list}");
    let put = one(&facts, "route PUT /api/users/:id");
    assert!(put.contains("input=typed") && put.contains("param=id in=path") && put.contains("calls=save"), "{put}");
    assert!(one(&facts, "middleware express-rate-limit").contains("windowMs=60000 max=100"));
    assert!(one(&facts, "middleware helmet").contains("scope=app"));
    assert!(one(&facts, "handler Error").starts_with("src/app.js:12"));
    assert!(one(&facts, "hook shutdown").contains("signal=SIGTERM calls="));
    assert!(one(&facts, "route GET /lost").contains("mounted=no"));
}

#[test]
fn fastify_plugins_get_the_prefix_they_are_registered_with_and_schemas_type_their_input() {
    let facts = wired(&[
        (
            "src/app.ts",
            "import Fastify from 'fastify';\nimport cors from '@fastify/cors';\nimport users from './users';\nconst app = Fastify({ logger: true, bodyLimit: 1024 });\napp.register(cors, { origin: false });\napp.addHook('onRequest', async (request) => { await request.jwtVerify(); });\napp.register(users, { prefix: '/v1' });\napp.setErrorHandler((error, request, reply) => { reply.send(); });\n",
        ),
        (
            "src/users.ts",
            "import { FastifyInstance } from 'fastify';\nexport default async function users(fastify: FastifyInstance) {\n  fastify.post('/users', { schema: { body: { type: 'object' }, response: { 200: {} } } }, async (request, reply) => { return save(request.body); });\n}\n",
        ),
    ]);
    let post = one(&facts, "route POST /v1/users");
    assert!(
        post.contains("input=typed output=typed")
            && post.contains("calls=request.jwtVerify") | post.contains("guard_calls=request.jwtVerify"),
        "{post}"
    );
    assert!(one(&facts, "middleware @fastify/cors").contains("origin=false"));
    assert!(one(&facts, "app fastify").contains("bodyLimit=1024"));
    one(&facts, "handler Error");
}

#[test]
fn fastify_loads_plugins_by_folder_with_the_hooks_of_the_folder() {
    let facts = wired(&[
        (
            "src/server.ts",
            "import Fastify from 'fastify';\nimport autoload from '@fastify/autoload';\nconst app = Fastify();\napp.register(autoload, { dir: path.join(__dirname, 'plugins') });\napp.listen({ port: 3000 });\n",
        ),
        (
            "src/plugins/safe.ts",
            "import fp from 'fastify-plugin';\nimport helmet from '@fastify/helmet';\nexport default fp(async (fastify) => { await fastify.register(helmet, { global: true }); });\n",
        ),
        (
            "src/routes/api/autohooks.ts",
            "export default async function (fastify) {\n  fastify.addHook('onRequest', async (request, reply) => { if (!request.session.user) reply.unauthorized('no'); });\n}\n",
        ),
        (
            "src/routes/api/tasks/index.ts",
            "const plugin = async (fastify) => { fastify.get('/:id', async (request) => load(request.params.id)); };\nexport default plugin;\n",
        ),
        ("src/routes/home.ts", "export default async function (fastify) { fastify.get('/', async () => ({ hello: 'x' })); }\n"),
    ]);
    let task = one(&facts, "route GET /api/tasks/:id");
    assert!(task.contains("auth=yes rejects=401") && task.contains("guard=@fastify/helmet"), "{task}");
    assert!(one(&facts, "route GET / ").contains("auth=no"));
}

#[test]
fn nest_guards_stand_at_the_app_the_class_and_the_method() {
    let facts = wired(&[
        (
            "src/main.ts",
            "import { NestFactory } from '@nestjs/core';\nimport { ValidationPipe } from '@nestjs/common';\nimport { AppModule } from './app.module';\nasync function bootstrap() {\n  const app = await NestFactory.create(AppModule);\n  app.setGlobalPrefix('api');\n  app.useGlobalPipes(new ValidationPipe({ whitelist: true }));\n  app.enableShutdownHooks();\n  await app.listen(3000);\n}\nbootstrap();\n",
        ),
        (
            "src/app.module.ts",
            "import { Module } from '@nestjs/common';\nimport { APP_GUARD } from '@nestjs/core';\nimport { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';\nimport { CatsController } from './cats.controller';\n@Module({\n  imports: [ThrottlerModule.forRoot([{ ttl: 60000, limit: 10 }])],\n  controllers: [CatsController],\n  providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],\n})\nexport class AppModule {}\n",
        ),
        (
            "src/cats.controller.ts",
            "import { Body, Controller, Get, Post, UseGuards } from '@nestjs/common';\nimport { AuthGuard } from '@nestjs/passport';\nimport { CreateCat } from './cat.dto';\n@Controller('cats')\nexport class CatsController {\n  @Get(':id')\n  one() { return 'x'; }\n  @Post()\n  @UseGuards(AuthGuard('jwt'))\n  create(@Body() body: CreateCat): Promise<Cat> { return this.cats.create(body); }\n}\n",
        ),
    ]);
    let post = one(&facts, "route POST /api/cats ");
    assert!(
        post.contains("guard=@nestjs/throttler.ThrottlerGuard guard=@nestjs/passport.AuthGuard")
            && post.contains("input=typed output=typed"),
        "{post}"
    );
    assert!(post.contains("auth=yes rejects=401 rejects=429"), "{post}");
    let get = one(&facts, "route GET /api/cats/:id");
    assert!(get.contains("auth=no rejects=429"), "{get}");
    assert!(!get.contains("AuthGuard") && get.contains("constant=yes"), "{get}");
    one(&facts, "middleware @nestjs/throttler.ThrottlerGuard");
    assert!(one(&facts, "middleware @nestjs/common.ValidationPipe").contains("whitelist=true"));
    one(&facts, "hook shutdown");
    assert!(one(&facts, "app nest").starts_with("src/main.ts:5"));
}

#[test]
fn files_of_next_are_routes_by_their_paths() {
    let facts = wired(&[
        ("web/src/app/layout.tsx", "export default function Layout({ children }) { return <html>{children}</html>; }\n"),
        (
            "web/src/app/api/(open)/items/[id]/route.ts",
            "export async function GET(request: Request) { return Response.json(await load()); }\nexport const POST = withAuth(async (request) => { const body = await request.json(); return Response.json(body); });\n",
        ),
        (
            "web/src/middleware.ts",
            "import { NextResponse } from 'next/server';\nexport function middleware(request) { return NextResponse.next(); }\nexport const config = { matcher: '/api/:path*' };\n",
        ),
    ]);
    assert!(one(&facts, "app next").contains("service=ui"));
    let get = one(&facts, "route GET /api/items/:id");
    assert!(get.contains("guard=web.src.middleware.middleware") && get.contains("param=id in=path") && !get.contains("constant"), "{get}");
    assert!(one(&facts, "route POST /api/items/:id").contains("guard=withAuth"));
}

#[test]
fn koa_and_hono_put_routers_on_apps() {
    let koa = wired(&[(
        "app.js",
        "const Koa = require('koa');\nconst Router = require('@koa/router');\nconst app = new Koa();\nconst router = new Router({ prefix: '/v2' });\nrouter.get('/a', async (ctx) => { ctx.body = await load(); });\napp.use(helmet());\napp.use(router.routes());\n",
    )]);
    assert!(one(&koa, "route GET /v2/a").contains("guard=helmet"), "{koa:#?}");
    let hono = wired(&[(
        "app.ts",
        "import { Hono } from 'hono';\nimport { cors } from 'hono/cors';\nconst items = new Hono().get('/', (c) => c.json(load()));\nconst app = new Hono();\napp.use('*', cors());\napp.route('/items', items);\nexport default app;\n",
    )]);
    assert!(one(&hono, "route GET /items").contains("guard=hono/cors.cors"), "{hono:#?}");
}

#[test]
fn pages_in_a_browser_are_services_of_their_own() {
    let facts = wired(&[(
        "src/main.tsx",
        "import { createRoot } from 'react-dom/client';\nimport App from './App';\ncreateRoot(document.getElementById('root')!).render(<App />);\n",
    )]);
    assert!(one(&facts, "app react").contains("service=ui"));
}

#[test]
fn a_function_that_gives_a_field_back_is_shown_with_the_field() {
    let text = "limit({ keyGenerator: (req) => req.ip, skip: (req) => check(req) });\n";
    let calls = facts("a.ts", text, Kind::Call);
    assert!(calls[0].contains("keyGenerator=(req)=>req.ip") && calls[0].contains("skip=(req)=>..."), "{calls:#?}");
}

#[test]
fn names_that_are_picked_out_of_a_query_and_fields_of_its_class_are_parameters() {
    let facts = wired(&[
        (
            "src/app.js",
            "const express = require('express');\nconst pick = require('./pick');\nconst { pool } = require('./db');\nconst app = express();\napp.get('/songs', async (req, res) => {\n  const options = pick(req.query, ['limit', 'page']);\n  res.json(await pool.query('SELECT id FROM songs', options));\n});\napp.get('/status', async (req, res) => { res.json(await pool.query('SELECT 1')); });\napp.listen(3000);\n",
        ),
        ("src/pick.js", "module.exports = (from, names) => names.map((name) => from[name]);\n"),
    ]);
    let list = one(&facts, "route GET /songs");
    assert!(list.contains("param=limit in=query param=page in=query") && list.contains("list=yes"), "{list}");
    assert!(!one(&facts, "route GET /status").contains("list=yes"));
    let nest = wired(&[
        (
            "src/main.ts",
            "import { NestFactory } from '@nestjs/core';\nimport { AppModule } from './app.module';\nasync function start() { const app = await NestFactory.create(AppModule); await app.listen(3000); }\nstart();\n",
        ),
        (
            "src/app.module.ts",
            "import { Module } from '@nestjs/common';\nimport { Songs } from './songs.controller';\n@Module({ controllers: [Songs] })\nexport class AppModule {}\n",
        ),
        (
            "src/songs.controller.ts",
            "import { Controller, Get, Query } from '@nestjs/common';\nimport { ListSongs } from './list-songs.dto';\n@Controller('songs')\nexport class Songs {\n  @Get()\n  findAll(@Query() query: ListSongs): Promise<string[]> { return this.songs.page(query); }\n}\n",
        ),
        (
            "src/list-songs.dto.ts",
            "import { IsOptional, Max } from 'class-validator';\nexport class ListSongs {\n  @IsOptional()\n  @Max(50)\n  limit?: number;\n  @IsOptional()\n  page?: number;\n}\n",
        ),
    ]);
    let list = one(&nest, "route GET /songs");
    assert!(list.contains("param=limit in=query param=page in=query"), "{list}");
}

#[test]
fn a_plugin_that_is_written_where_it_is_registered_has_the_prefix() {
    let text = "import Fastify from 'fastify';\nconst app = Fastify();\napp.register(async (api) => {\n  api.get('/songs', async () => []);\n}, { prefix: '/v1' });\napp.listen({ port: 3000 });\n";
    let facts = wired(&[("src/server.ts", text)]);
    assert!(one(&facts, "route GET /v1/songs").starts_with("src/server.ts:4"));
}

#[test]
fn an_object_said_to_be_of_a_librarys_type_counts_as_built_by_that_name() {
    let text = "import { TypeOrmModuleOptions } from '@nestjs/typeorm';\nexport function options() {\n  return {\n    type: 'postgres',\n    extra: { max: 20 },\n  } as TypeOrmModuleOptions;\n}\n";
    let calls = facts("src/db.ts", text, Kind::Call);
    assert!(
        calls.iter().any(|call| call.starts_with("3 @nestjs/typeorm.TypeOrmModuleOptions literal=yes") && call.contains(" extra.max=20")),
        "{calls:#?}"
    );
}

#[test]
fn a_decorated_class_is_given_as_the_default_too() {
    let given = TYPESCRIPT.extract("src/mailer.ts", "@Service()\nexport default class Mailer {\n  send() {}\n}\n");
    assert_eq!(given.exports, [("default".to_owned(), "Mailer".to_owned())]);
}

#[test]
fn a_container_gives_the_class_that_it_is_asked_for() {
    let text = "import { Container } from 'typedi';\nimport { Mailer } from './mailer';\nconst mailer = Container.get(Mailer);\nmailer.send('x');\nconst log = Container.get('logger');\nlog.info('y');\n";
    let calls = facts("src/app.ts", text, Kind::Call);
    assert!(calls.iter().any(|call| call.starts_with("4 src.mailer.Mailer.send")), "{calls:#?}");
    assert!(calls.iter().any(|call| call.starts_with("6 typedi.Container.get.info")), "{calls:#?}");
}

#[test]
fn what_a_container_gives_is_an_instance_of_the_class() {
    let files = [
        ("package.json", r#"{ "dependencies": { "express": "4", "typedi": "0.8" }, "scripts": { "start": "node src/app.js" } }"#),
        (
            "src/app.ts",
            "import express from 'express';\nimport { Container } from 'typedi';\nimport Songs from '@/services/songs';\nconst app = express();\napp.get('/songs', async (req, res) => {\n  const songs = Container.get(Songs);\n  res.json(await songs.all());\n});\napp.listen(80);\n",
        ),
        (
            "src/services/songs.ts",
            "import { Service } from 'typedi';\n@Service()\nexport default class Songs {\n  async all() {\n    return this.read();\n  }\n  read() {\n    return fetch('http://store');\n  }\n}\n",
        ),
    ];
    let tree = crate::source::Tree::of(files);
    let facts = crate::wiring::facts(&tree);
    let asked = facts.all().iter().find(|fact| fact.kind == Kind::Call && fact.name == "fetch").expect("the call");
    assert_eq!(asked.reach, crate::fact::Reach::Live, "{asked:?}");
}

#[test]
fn a_guard_may_be_a_member_of_an_object_that_another_file_exports() {
    let facts = wired(&[
        (
            "auth.ts",
            "import { expressjwt as jwt } from 'express-jwt';\nconst auth = {\n  required: jwt({ secret: key(), algorithms: ['HS256'] }),\n  optional: jwt({ secret: key(), credentialsRequired: false, algorithms: ['HS256'] }),\n};\nexport default auth;\n",
        ),
        (
            "main.ts",
            "import express from 'express';\nimport auth from './auth';\nconst app = express();\napp.get('/notes', auth.optional, (req, res) => res.json([]));\napp.post('/notes', auth.required, (req, res) => res.json({}));\napp.listen(3000);\n",
        ),
    ]);
    assert!(one(&facts, "route POST /notes").contains("guard=express-jwt.expressjwt auth=yes"), "{facts:#?}");
    assert!(one(&facts, "route GET /notes").contains("guard=express-jwt.expressjwt(optional) auth=no"), "{facts:#?}");
}

#[test]
fn routers_may_be_members_of_an_object_that_a_folder_hands_on() {
    let facts = wired(&[
        ("routes/index.js", "module.exports = require('./all');\n"),
        (
            "routes/all.js",
            "const { Router } = require('express');\nconst books = Router();\nbooks.get('/books', (req, res) => res.json([]));\nmodule.exports = {\n  api: books,\n};\n",
        ),
        (
            "main.js",
            "const express = require('express');\nconst routes = require('./routes');\nconst app = express();\napp.use('/v1', routes.api);\napp.listen(3000);\n",
        ),
    ]);
    assert!(one(&facts, "route GET /v1/books").contains("framework=express"), "{facts:#?}");
}

#[test]
fn what_a_wrapper_is_given_stands_before_the_route() {
    let facts = wired(&[
        (
            "src/auth.js",
            "function required(req, res, next) {\n  if (!req.headers.authorization) return res.status(401).end();\n  next();\n}\nmodule.exports = { required };\n",
        ),
        (
            "src/app.js",
            "const express = require('express');\nconst auth = require('./auth');\nconst { asyncHandler } = require('./async');\nconst app = express();\napp.post('/notes', asyncHandler(auth.required), (req, res) => res.end());\napp.get('/open', asyncHandler(async (req, res) => res.end()));\napp.listen(3000);\n",
        ),
    ]);
    let post = one(&facts, "route POST /notes");
    assert!(post.contains("guard=src.auth.required") && post.contains("auth=yes"), "{post}");
    assert!(one(&facts, "route GET /open").contains("auth=no"));
}

#[test]
fn nest_modules_choose_the_routes_that_something_stands_before() {
    let facts = wired(&[
        (
            "src/main.ts",
            "import { NestFactory } from '@nestjs/core';\nimport { AppModule } from './app.module';\nasync function start() { const app = await NestFactory.create(AppModule); await app.listen(3000); }\nstart();\n",
        ),
        (
            "src/auth.ts",
            "import { Injectable, NestMiddleware, HttpException, HttpStatus } from '@nestjs/common';\n@Injectable()\nexport class Auth implements NestMiddleware {\n  use(req, res, next) {\n    if (!req.headers.authorization) throw new HttpException('who?', HttpStatus.UNAUTHORIZED);\n    next();\n  }\n}\n",
        ),
        (
            "src/app.module.ts",
            "import { MiddlewareConsumer, Module, RequestMethod } from '@nestjs/common';\nimport { Notes } from './notes';\nimport { Auth } from './auth';\n@Module({ controllers: [Notes] })\nexport class AppModule {\n  configure(consumer: MiddlewareConsumer) {\n    consumer.apply(Auth).forRoutes({ path: 'notes', method: RequestMethod.POST });\n  }\n}\n",
        ),
        (
            "src/notes.ts",
            "import { Body, Controller, Get, Post } from '@nestjs/common';\n@Controller('notes')\nexport class Notes {\n  @Get()\n  all() { return this.notes.all(); }\n  @Post()\n  add(@Body('text') text: string) { return this.notes.add(text); }\n}\n",
        ),
    ]);
    let post = one(&facts, "route POST /notes");
    assert!(post.contains("guard=src.auth.Auth") && post.contains("auth=yes") && post.contains("input=raw"), "{post}");
    assert!(one(&facts, "route GET /notes").contains("auth=no"));
}

#[test]
fn a_failure_of_our_own_says_by_its_name_whom_it_turns_away() {
    let facts = wired(&[(
        "server.js",
        "const express = require('express');\nclass NotLoggedError extends Error {}\nclass Empty extends Error {}\nfunction logged(req, res, next) { if (!req.user) throw new NotLoggedError(); next(); }\nfunction filled(req, res, next) { if (!req.body) throw new Empty(); next(); }\nconst app = express();\napp.get('/songs', logged, (req, res) => res.json([]));\napp.get('/about', filled, (req, res) => res.json({}));\napp.listen(80);\n",
    )]);
    assert!(one(&facts, "route GET /songs").contains("auth=yes"));
    assert!(one(&facts, "route GET /about").contains("auth=no"));
}
