// @ts-check
// What a site needs that the chapter takes for granted, and its viewers.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { follow as followOf, run } from "../around/docs.mjs";
import { openPair } from "../lnd/pair.mjs";

export { run };
export const home = "/root";
export const site = "https://films.example";

/** Where the reader's shell is: a block begins where the one before it has ended. */
let where = home;

/**
 * Runs a block of README; `make` in a checkout, everything else from home on.
 * @param {string} name @param {(commands: string) => string} [change] @param {string[]} [within]
 */
export async function follow(name, change = (commands) => commands, within) {
  const inCheckout = name === "machine" || name === "update";
  const said = await followOf(name, {
    cwd: inCheckout ? join(import.meta.dirname, "../..") : where,
    document: "README.md",
    change: (commands) => `${change(commands)}\npwd >/run/where`,
    within,
  });
  if (!inCheckout) where = (await readFile("/run/where", "utf8")).trim();
  return said;
}

/** A web server, a film, and a node with which `lncli` speaks. The node may be elsewhere: `within` leads there. @param {string[]} [within] */
export async function machine(within = []) {
  const folders =
    "mkdir -p /var/log/nginx /var/lib/nginx /etc/nginx/sites-enabled /srv/films /root/.lnd";
  await run("bash", ["-euc", `${folders}; systemctl start nginx`]);
  await copyFile(`${process.env.SATREEL_SAMPLES}/bigbuckbunny.mp4`, "/srv/films/holiday.mp4");
  const wrapped = `#!/bin/sh\nexec ${within.join(" ")} ${process.env.SATREEL_PAIR} "$@"\n`;
  await writeFile("/run/pair", wrapped, { mode: 0o755 });
  process.env.SATREEL_PAIR = "/run/pair";
  const pair = await openPair();
  await copyFile(pair.shop.certificate, "/root/.lnd/tls.cert");
  Object.assign(process.env, {
    LNCLI_RPCSERVER: new URL(pair.shop.address).host,
    LNCLI_TLSCERTPATH: "/root/.lnd/tls.cert",
    LNCLI_MACAROONPATH: pair.shop.admin_macaroon,
  });
  return {
    pair,
    /** The chapter's node is on mainnet and its usual port; ours has the port that was free. @param {string} commands */
    configured: (commands) =>
      commands
        .replace("https://127.0.0.1:10009", pair.shop.address)
        .replace(/^END$/m, 'network = "regtest"\nEND'),
  };
}

/**
 * A store of a BTCPay Server, or what stands in for one, with the selling node behind it. It ends well only if everything that
 * it was asked fits what BTCPay Server publishes.
 * @param {import("../lnd/pair.mjs").Pair} pair @param {string} id @param {string} key
 */
export async function openStore({ shop }, id, key) {
  const node = [
    "--node",
    shop.address,
    "--certificate",
    shop.certificate,
    "--macaroon",
    shop.admin_macaroon,
  ];
  const child = spawn(process.env.SATREEL_STORE ?? "", ["--store", id, "--key", key, ...node], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const [line] = await Promise.race([once(child.stdout, "data"), ended]);
  return {
    /** @type {string} */
    url: JSON.parse(String(line)).url,
    async close() {
      child.stdin.end();
      assert.deepEqual(await ended, [0, null]);
    },
  };
}

/** @param {string} path @param {unknown} [body] @param {string} [token] */
export async function ask(path, body, token) {
  const answer = await fetch(new URL(path, site), {
    method: body ? "POST" : "GET",
    headers: {
      "content-type": "application/json",
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
  return text;
}

/** Buys a film from whoever takes the money, and returns what opens it. @param {string} title @param {(request: string) => Promise<unknown>} pay */
export async function buy(title, pay) {
  const order = JSON.parse(await ask("/api/orders", { title, tier: "rent" }));
  await pay(order.payment_request);
  /** @type {string} */
  const token = JSON.parse(await ask("/api/tokens", { ticket: order.ticket })).token;
  return token;
}

/** Opens a film as its player does: to the last segment, which is not free. @param {string} title @param {string} token */
export async function play(title, token) {
  const { master_url } = JSON.parse(await ask("/api/grants", { title }, token));
  const master = await ask(master_url);
  const lists = master.split("\n").filter((line) => /^[^#].*\.m3u8$/.test(line));
  const list = new URL(lists[0], new URL(master_url, site)).href;
  const segments = (await ask(list)).split("\n").filter((line) => /^[^#].*\.m4s$/.test(line));
  assert.ok((await ask(new URL(/** @type {string} */ (segments.at(-1)), list).href)).length > 1000);
}
