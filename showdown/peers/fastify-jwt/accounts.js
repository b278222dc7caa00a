// Accounts in PostgreSQL: asked at signup and login, never for a token.

import { hash, verify } from '@node-rs/argon2'
import pg from 'pg'

// What OWASP asks for, and what Cloakroom hashes with.
const ARGON2 = { memoryCost: 19456, timeCost: 2, parallelism: 1 }
const TABLES = `
  create table if not exists users (
    id uuid primary key default gen_random_uuid(),
    email text not null unique,
    name text,
    roles text[] not null default '{}',
    password_hash text not null
  )`

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 2000 })
// Without this, a connection that breaks while nobody uses it ends the process.
pool.on('error', () => {})
await pool.query(TABLES)

/** The new account, or nothing where there is one of that email. */
export async function signUp({ email, password, name }) {
  const { rows } = await pool.query({
    name: 'sign_up',
    text: `insert into users (email, name, password_hash) values ($1, $2, $3)
           on conflict do nothing returning id, email, name, roles`,
    values: [email, name, await hash(password, ARGON2)],
  })
  return rows[0]
}

/** The account, or nothing where email and password do not belong together. */
export async function logIn({ email, password }) {
  const { rows } = await pool.query({
    name: 'log_in',
    text: 'select id, email, name, roles, password_hash from users where email = $1',
    values: [email],
  })
  const [user] = rows
  return user && (await verify(user.password_hash, password)) ? user : undefined
}
