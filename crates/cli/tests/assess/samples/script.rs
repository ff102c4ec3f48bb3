//! Express, in TypeScript.

use super::Sample;

/// Express, in TypeScript.
pub const SCRIPT: Sample = (
    "script",
    &[
        (
            "package.json",
            r#"{
  "name": "shop",
  "scripts": { "start": "node dist/server.js", "test": "vitest run" },
  "dependencies": { "express": "4.19.2", "helmet": "7.1.0", "cors": "2.8.5", "express-rate-limit": "7.4.0", "pino": "9.3.0", "jsonwebtoken": "9.0.2" },
  "devDependencies": { "vitest": "2.0.5" }
}
"#,
        ),
        (
            "src/server.ts",
            r#"import express from 'express';
import helmet from 'helmet';
import cors from 'cors';
import { rateLimit } from 'express-rate-limit';
import pino from 'pino';
import { orders } from './orders';
import { authenticate } from './auth';

const log = pino({ level: 'info' });
const app = express();

app.use(helmet());
app.use(cors({ origin: 'https://shop.example.org' }));
app.use(rateLimit({ windowMs: 60_000, limit: 60 }));
app.use(express.json({ limit: '100kb' }));

app.get('/healthz', (req, res) => {
  res.json({ status: 'ok' });
});
app.use('/v1/orders', authenticate, orders);

app.use((err, req, res, next) => {
  log.error({ err }, 'unexpected');
  res.status(500).json({ code: 'internal' });
});

const server = app.listen(Number(process.env.PORT ?? 3000));

process.on('SIGTERM', () => {
  server.close();
});
"#,
        ),
        (
            "src/auth.ts",
            r#"import jwt from 'jsonwebtoken';

export function authenticate(req, res, next) {
  try {
    req.user = jwt.verify(req.headers.authorization, process.env.JWT_KEY);
  } catch (error) {
    return res.status(401).json({ code: 'unauthorized' });
  }
  next();
}
"#,
        ),
        (
            "src/orders.ts",
            r#"import { Router } from 'express';

export const orders = Router();

orders.get('/', (req, res) => {
  const limit = Math.min(Number(req.query.limit ?? 20), 100);
  res.json({ items: [], limit });
});

orders.post('/', (req, res) => {
  res.status(201).json(req.body);
});
"#,
        ),
        (
            "test/server.test.ts",
            r#"import { expect, test } from 'vitest';

test('numbers add up', () => {
  expect(1 + 1).toBe(2);
});
"#,
        ),
    ],
);
