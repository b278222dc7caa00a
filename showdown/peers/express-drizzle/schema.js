// The tables, as drizzle knows them and as they are made.

import { pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'

const time = (name) => timestamp(name, { withTimezone: true })

export const users = pgTable('users', {
  id: uuid('id').primaryKey().defaultRandom(),
  email: text('email').notNull().unique(),
  name: text('name'),
  roles: text('roles').array().notNull().default([]),
  passwordHash: text('password_hash').notNull(),
  createdAt: time('created_at').notNull().defaultNow(),
})

export const sessions = pgTable('sessions', {
  hash: text('hash').primaryKey(),
  id: uuid('id').notNull().defaultRandom(),
  userId: uuid('user_id').notNull().references(() => users.id),
  device: text('device').notNull(),
  ip: text('ip').notNull(),
  createdAt: time('created_at').notNull().defaultNow(),
  lastUsedAt: time('last_used_at').notNull().defaultNow(),
  expiresAt: time('expires_at').notNull(),
  idleExpiresAt: time('idle_expires_at').notNull(),
})

export const TABLES = `
  create table if not exists users (
    id uuid primary key default gen_random_uuid(),
    email text not null unique,
    name text,
    roles text[] not null default '{}',
    password_hash text not null,
    created_at timestamptz not null default now()
  );
  create table if not exists sessions (
    hash text primary key,
    id uuid not null default gen_random_uuid(),
    user_id uuid not null references users,
    device text not null,
    ip text not null,
    created_at timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    expires_at timestamptz not null,
    idle_expires_at timestamptz not null
  );
  create index if not exists sessions_of_a_user on sessions (user_id);
`
