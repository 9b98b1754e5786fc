// Chromium without a window, and somebody at its mouse and keyboard: opens an address, logs in on the page it gets to,
// presses what leads on, and ends where there is nothing left to press.
//
//   node chromium.mjs --data DIRECTORY --report FILE ADDRESS
//
// DIRECTORY is Chromium's own, and its home; it reaches no host but 127.0.0.1. FILE gets
// {"visited": [ADDRESS, …], "text": "what the last page says"}, whole, once Chromium has ended.
//
// It is driven over the DevTools protocol on a pair of pipes, so it ends when this does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  options: { data: { type: 'string' }, report: { type: 'string' } },
  allowPositionals: true,
});
const [start] = positionals;
if (positionals.length !== 1 || !options.data || !options.report) throw new Error('--data, --report and one address');

const POLL = 50; // ms
const HANG = 60_000; // ms
const KEYS = { login: 'ada', username: 'ada', password: 'correct horse' };

const chromium = spawn(
  'chromium',
  [
    '--headless',
    '--remote-debugging-pipe',
    `--user-data-dir=${options.data}`,
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    '--no-proxy-server',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-dev-shm-usage',
    '--disable-extensions',
    '--disable-gpu',
    '--disable-quic',
    '--disable-sync',
    // Its sandbox refuses to run as root.
    ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
  ],
  {
    env: { PATH: process.env.PATH, HOME: options.data },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  },
);
const ended = once(chromium, 'exit');
process.on('exit', () => chromium.kill('SIGKILL'));
setTimeout(() => {
  throw new Error(`not done after ${HANG} ms`);
}, HANG).unref();

// One JSON object a message, each way, with a NUL behind it.
const [, , , orders, answers] = chromium.stdio;
const waiting = new Map();
let buffered = '';
answers.setEncoding('utf8').on('data', (piece) => {
  const messages = (buffered + piece).split('\0');
  buffered = messages.pop();
  for (const message of messages.map((text) => JSON.parse(text))) {
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  }
});

let count = 0;
async function order(method, params = {}, sessionId = undefined) {
  count += 1;
  const id = count;
  const answered = new Promise((resolve) => {
    waiting.set(id, resolve);
  });
  orders.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  const { result, error } = await answered;
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

const { targetId } = await order('Target.createTarget', { url: start });
const { sessionId: page } = await order('Target.attachToTarget', { targetId, flatten: true });

const visited = [];
let last;
let seen;
for (;;) {
  seen = await look();
  if (!seen || seen.key === last) {
    await sleep(POLL);
    continue;
  }
  last = seen.key;
  visited.push(seen.address);
  if (!seen.button) break;
  for (const { name, x, y } of seen.fields) {
    await click(x, y);
    await order('Input.insertText', { text: KEYS[name] }, page);
  }
  await click(seen.button.x, seen.button.y);
}
await order('Browser.close');
await ended;
writeFileSync(`${options.report}.part`, JSON.stringify({ visited, text: seen.text }), { mode: 0o600 });
renameSync(`${options.report}.part`, options.report);
process.exit();

// What the page shows, once it has loaded; nothing while one page gives way to the next.
async function look() {
  const expression = `(${observe})(${JSON.stringify(Object.keys(KEYS))})`;
  try {
    const { result } = await order('Runtime.evaluate', { expression, returnByValue: true }, page);
    return result.value;
  } catch {
    return undefined;
  }
}

// Runs in the page.
function observe(names) {
  const address = document.location.href;
  if (document.readyState !== 'complete' || !address.startsWith('http')) return null;
  const middle = (element) => {
    element.scrollIntoView({ block: 'center', behavior: 'instant' });
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x: x + width / 2, y: y + height / 2 };
  };
  const buttons = [...document.querySelectorAll('form [type=submit], button[form]')];
  // The last one that a form has leads on, where the first one goes back.
  const button = buttons.filter(({ name }) => name !== 'abort').at(-1);
  const inputs = [...document.querySelectorAll('form input')].filter(({ name, type }) => names.includes(name) && type !== 'hidden');
  return {
    address,
    key: `${performance.timeOrigin} ${address}`,
    text: document.body.innerText.trim(),
    button: button && middle(button),
    fields: inputs.map((input) => ({ name: input.name, ...middle(input) })),
  };
}

async function click(x, y) {
  for (const type of ['mousePressed', 'mouseReleased']) {
    await order('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 }, page);
  }
}
