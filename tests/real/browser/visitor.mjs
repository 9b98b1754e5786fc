// Somebody with a browser, as far as a login needs one: follows redirects, keeps cookies, fills in the forms of the
// pages it meets and presses their buttons. It runs no script and knows no provider.
//
//   node visitor.mjs [--code CODE] [--deny] [--report FILE] ADDRESS
//
// --code    what to enter where a page asks for the code that a device shows
// --deny    says no wherever there is a choice
// --report  leaves {"visited": [{"address", "status", "form"}, …], "text": "what the last page says"} in FILE, whole
//
// Ends with 0 on a page without a form, or on the one that answers a no, wherever that is. `form` is what was filled in on
// the way to the next address, by name.
import { renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  options: { code: { type: 'string' }, deny: { type: 'boolean', default: false }, report: { type: 'string' } },
  allowPositionals: true,
});
const [start] = positionals;
if (positionals.length !== 1) throw new Error(`one address, not ${positionals.length}`);

const MOST_PAGES = 30;
const FIELDS = { login: 'ada', username: 'ada', password: 'correct horse', user_code: options.code };
const YES = /^(accept|authorize|continue|log in|sign-in|submit|verify)$/i;
const NO = /^\W*(abort|cancel|deny)\W*$/i;

const cookies = new Map(); // by name: there is one host, and its paths do not overlap
const visited = [];
let next = { address: new URL(start) };
let text = '';
let hasRefused = false;
for (let page = 0; next; page += 1) {
  if (page === MOST_PAGES) throw new Error(`no end after ${MOST_PAGES} pages, last ${next.address}`);
  next = await visit(next);
}
report();

async function visit({ address, form }) {
  const headers = { Cookie: [...cookies].map((pair) => pair.join('=')).join('; ') };
  const body = form && new URLSearchParams(form);
  const answer = await fetch(address, { method: form ? 'POST' : 'GET', body, headers, redirect: 'manual' });
  for (const cookie of answer.headers.getSetCookie()) keep(cookie);
  const entry = { address: address.href, status: answer.status };
  visited.push(entry);
  const html = await answer.text();
  if (answer.status >= 300 && answer.status < 400) {
    return { address: new URL(answer.headers.get('location'), address) };
  }
  text = words(html);
  const chosen = answer.ok && !hasRefused ? choose(html, address) : undefined;
  if (chosen?.form) entry.form = Object.fromEntries(chosen.form);
  return chosen;
}

function keep(line) {
  const [pair, ...attributes] = line.split(/;\s*/);
  const [, name, value] = /^([^=]*)=(.*)$/s.exec(pair);
  const gone = attributes.some((a) => /^max-age=0$/i.test(a) || (/^expires=/i.test(a) && Date.parse(a.slice(8)) < Date.now()));
  if (gone) cookies.delete(name);
  else cookies.set(name, value);
}

// What is done on a page: a form and the button that sends it, a link that says no, or nothing.
function choose(html, address) {
  const forms = [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)];
  if (forms.length === 0) return undefined;
  const [, opening, inner] = forms.at(-1);
  const { id, action = '' } = attributes(opening);
  const outside = html.replaceAll(/<form\b.*?<\/form>/gis, '');
  const buttons = [...buttonsOf(inner), ...buttonsOf(outside).filter((button) => id && button.form === id)];
  const isQuestion = !/type="(password|text)"/i.test(inner);
  const refuses = options.deny && isQuestion;

  // Some have a button for it, some a link.
  const link = [...html.matchAll(/<a\b([^>]*)>(.*?)<\/a>/gis)].find(([, , label]) => NO.test(words(label)));
  const no = buttons.find(({ label }) => NO.test(label));
  hasRefused = refuses && Boolean(no ?? link);
  if (refuses && !no && link) return { address: new URL(attributes(link[1]).href, address) };

  const fields = inputs(inner);
  const unknown = fields.find(([, value]) => value === undefined);
  if (unknown) throw new Error(`${address} asks for ${unknown[0]}: ${words(html)}`);
  const button = refuses && no ? no : (buttons.find(({ label }) => YES.test(label)) ?? buttons[0]);
  if (button?.name) fields.push([button.name, button.value ?? button.label]);
  return { address: new URL(action, address), form: fields };
}

function buttonsOf(html) {
  const pressed = [...html.matchAll(/<button\b([^>]*)>(.*?)<\/button>/gis)].map(([, opening, label]) => ({
    ...attributes(opening),
    label: words(label),
  }));
  const sent = [...html.matchAll(/<input\b([^>]*)>/gis)].map(([, opening]) => attributes(opening));
  return [...pressed, ...sent.filter(({ type }) => type === 'submit').map((input) => ({ ...input, label: input.value ?? 'submit' }))];
}

function inputs(html) {
  return [...html.matchAll(/<input\b([^>]*)>/gis)]
    .map(([, opening]) => attributes(opening))
    .filter(({ name, type }) => name && type !== 'submit')
    .map(({ name, type, value = '' }) => [name, type === 'hidden' || !(name in FIELDS) ? value : enter(name)]);
}

// A code is good once.
function enter(name) {
  const value = FIELDS[name];
  if (name === 'user_code') FIELDS.user_code = undefined;
  return value;
}

function attributes(text) {
  const pairs = text.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g);
  return Object.fromEntries([...pairs].map(([, name, a, b, c]) => [name.toLowerCase(), unescaped(a ?? b ?? c)]));
}

function words(html) {
  const plain = html.replaceAll(/<(style|script|title)\b.*?<\/\1>/gis, ' ').replaceAll(/<[^>]*>/g, ' ');
  return unescaped(plain).replaceAll(/\s+/g, ' ').trim();
}

function unescaped(text) {
  const known = { amp: '&', lt: '<', gt: '>', quot: '"', '#x27': "'", '#39': "'", nbsp: ' ' };
  return text.replaceAll(/&(#?\w+);/g, (entity, name) => known[name] ?? entity);
}

function report() {
  if (!options.report) return;
  writeFileSync(`${options.report}.part`, JSON.stringify({ visited, text }), { mode: 0o600 });
  renameSync(`${options.report}.part`, options.report);
}
