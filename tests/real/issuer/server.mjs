// A certified OpenID provider (npm: oidc-provider) on 127.0.0.1, for tests/real.
//
//   node server.mjs [--port N] [--auth METHOD,METHOD…] [--keys DIRECTORY]
//
// TOKEN_REAL_DIR names the directory whose node_modules it loads. When it listens it prints one line,
// {"issuer":"http://127.0.0.1:PORT"}; it ends when its stdin does, so it never outlives the test that holds
// the other end. Everything lives in memory: a new start knows none of the old tokens, sessions or grants.
//
// With --keys it makes a key pair for each algorithm of ALGORITHMS, registers a client `jwt-ALGORITHM` that signs with
// it (private_key_jwt), and leaves the private half in ALGORITHM.pem (PKCS #8) and, for RSA, in
// ALGORITHM.pkcs1.pem (PKCS #1) too. The key is known by the name of its algorithm (`kid`).
//
// The pages where people log in, agree and enter a device's code are the provider's own: any name and password will do.
//
// The provider answers everything but the routes that belong to the tests:
//   GET  /__requests   what the provider was asked:
//                        paths    {"/token": 1, …}
//                        basic    token requests that carried an Authorization header (the provider itself takes a
//                                 secret either way, whatever the client is registered for)
//                        grants   {"refresh_token": [TIME, …], …}: when (in ms) the token endpoint was asked, by grant_type
//                        granted  {"refresh_token": 1, …}: how many of those got a token
//   ANY  /api          an API protected by JWT access tokens: their claims, or 401
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    auth: { type: 'string', default: 'client_secret_basic,client_secret_post,private_key_jwt,none' },
    keys: { type: 'string' },
  },
});

// A module is looked for beside the file that imports it, and this file is not where the dependencies are.
const modules = createRequire(path.resolve(process.env.TOKEN_REAL_DIR ?? '.', 'package.json'));
const load = (name) => import(pathToFileURL(modules.resolve(name)));
console.info = console.error; // stdout is for the one line
const { default: Provider, errors } = await load('oidc-provider');
const jose = await load('jose');

const LIFE = 600; // seconds
// The JWTs for the second API say in `exp` that they end before `expires_in` does.
const APIS = { 'urn:api': LIFE, 'urn:api:early': LIFE / 2 };

const DEVICE = ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'];
const CODE = ['authorization_code', 'refresh_token'];
const CLIENTS = [
  { id: 'basic', secret: 'basic-secret-5Yd1q' },
  { id: 'post', secret: 'post-secret-Zk83w', auth: 'client_secret_post' },
  { id: 'public', auth: 'none' },
  { id: 'brief', secret: 'brief-secret-q2XnL', life: 60 },
  { id: 'short', secret: 'short-secret-0Rm7c', life: 4 },
  // RFC 6749 §2.3.1: both halves are form-encoded before a colon joins them.
  { id: 'ci:west 1', secret: 'a+b%2F=c&d:e f/~"`' },
  { id: 'device', auth: 'none', grants: DEVICE },
  // A device that keeps a secret, where the tests get the refresh tokens that they start with.
  { id: 'keeper', secret: 'keeper-secret-4TbVe', grants: DEVICE },
  { id: 'native', auth: 'none', grants: CODE },
];
const ALGORITHMS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};
if (options.keys) CLIENTS.push(...Object.keys(ALGORITHMS).map(signer));

const server = http.createServer();
await new Promise((listening) => {
  server.listen(Number(options.port), '127.0.0.1', listening);
});
const issuer = `http://127.0.0.1:${server.address().port}`;

const methods = options.auth.split(',');
const life = (_ctx, _token, { clientId }) => CLIENTS.find(({ id }) => id === clientId).life ?? LIFE;
const provider = new Provider(issuer, {
  clientAuthMethods: methods,
  clients: CLIENTS.map(registration).filter((client) => methods.includes(client.token_endpoint_auth_method)),
  jwks: { keys: [signingKey()] },
  cookies: { keys: ['for tests'] },
  scopes: ['openid', 'offline_access', 'read', 'write'],
  ttl: { AccessToken: life, ClientCredentials: life },
  // A refresh token for every client that may use one, another at each use, and none of the family lives on once one
  // of them has been used twice.
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    resourceIndicators: { enabled: true, getResourceServerInfo: api },
  },
  formats: {
    customizers: {
      jwt(_ctx, token, { payload }) {
        payload.exp = Math.min(payload.exp, payload.iat + APIS[token.aud]);
      },
    },
  },
});

function registration({ id, secret, jwks, algorithm, auth = 'client_secret_basic', grants = ['client_credentials'] }) {
  const redirects = grants === CODE;
  return {
    client_id: id,
    ...(secret && { client_secret: secret }),
    ...(jwks && { jwks, token_endpoint_auth_signing_alg: algorithm }),
    token_endpoint_auth_method: auth,
    grant_types: grants,
    // RFC 8252 §7.3: whatever the port.
    application_type: 'native',
    redirect_uris: redirects ? ['http://127.0.0.1/callback'] : [],
    response_types: redirects ? ['code'] : [],
  };
}

function signer(algorithm) {
  const { publicKey, privateKey } = generateKeyPairSync(...ALGORITHMS[algorithm]);
  const save = (name, type) =>
    writeFileSync(path.join(options.keys, name), privateKey.export({ type, format: 'pem' }), { mode: 0o600 });
  save(`${algorithm}.pem`, 'pkcs8');
  if (publicKey.asymmetricKeyType === 'rsa') save(`${algorithm}.pkcs1.pem`, 'pkcs1');
  const key = { ...publicKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: algorithm };
  return { id: `jwt-${algorithm}`, auth: 'private_key_jwt', algorithm, jwks: { keys: [key] } };
}

function api(_ctx, resource) {
  if (!(resource in APIS)) throw new errors.InvalidTarget();
  return { scope: 'read write', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
}

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'issuer' };
}

const seen = { paths: {}, basic: 0, grants: {}, granted: {} };
const asked = ({ oidc }) => {
  const grant = oidc.params?.grant_type ?? 'none';
  seen.grants[grant] = [...(seen.grants[grant] ?? []), Date.now()];
  return grant;
};
provider.on('grant.error', asked);
provider.on('grant.success', (ctx) => {
  const grant = asked(ctx);
  seen.granted[grant] = (seen.granted[grant] ?? 0) + 1;
});

const answer = provider.callback();
server.on('request', (request, response) => {
  const { pathname } = new URL(request.url, issuer);
  if (pathname === '/__requests') {
    send(response, 200, seen);
  } else if (pathname === '/api') {
    guard(request, response);
  } else {
    seen.paths[pathname] = (seen.paths[pathname] ?? 0) + 1;
    if (pathname === '/token' && request.headers.authorization) seen.basic += 1;
    answer(request, response);
  }
});

const keys = jose.createRemoteJWKSet(new URL(`${issuer}/jwks`));
async function guard(request, response) {
  const [, token] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  try {
    const expected = { issuer, audience: Object.keys(APIS), typ: 'at+jwt' };
    const { payload } = await jose.jwtVerify(token ?? '', keys, expected);
    send(response, 200, payload);
  } catch (error) {
    send(response, 401, { error: 'invalid_token', error_description: error.message });
  }
}

function send(response, status, value) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
console.log(JSON.stringify({ issuer }));
