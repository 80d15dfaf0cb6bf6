// @ts-check
// What a site needs that the chapter takes for granted, and its viewers.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, copyFile, mkdir } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";

import { follow as followOf, run } from "../around/docs.mjs";
import { openPair } from "../lnd/pair.mjs";

export { run };
export const home = "/root";
export const site = "https://films.example";

/** Runs a block of README; `make` in a checkout, everything else at home. @param {string} name @param {(commands: string) => string} [change] */
export const follow = (name, change) => {
  const cwd = name === "machine" || name === "update" ? join(import.meta.dirname, "../..") : home;
  return followOf(name, { cwd, document: "README.md", change });
};

/** A name, a web server, a node on its usual port, and a film. */
export async function machine() {
  await appendFile("/etc/hosts", "127.0.0.1 films.example btcpay.example\n");
  await run("bash", [
    "-euc",
    "mkdir -p /var/log/nginx /var/lib/nginx /etc/nginx/sites-enabled; systemctl start nginx",
  ]);
  await mkdir("/srv/films", { recursive: true });
  await copyFile(`${process.env.SATREEL_SAMPLES}/bigbuckbunny.mp4`, "/srv/films/holiday.mp4");
  const pair = await openPair();
  const to = Number(new URL(pair.shop.address).port);
  const door = createServer((from) => {
    const node = connect(to, "127.0.0.1");
    from.pipe(node).pipe(from);
    for (const end of [from, node])
      end.on("error", () => [from, node].forEach((other) => other.destroy()));
  });
  await new Promise((resolve) => door.listen(10009, "127.0.0.1", () => resolve(undefined)));
  await mkdir("/root/.lnd");
  await copyFile(pair.shop.certificate, "/root/.lnd/tls.cert");
  Object.assign(process.env, {
    LNCLI_RPCSERVER: "127.0.0.1:10009",
    LNCLI_TLSCERTPATH: "/root/.lnd/tls.cert",
    LNCLI_MACAROONPATH: pair.shop.admin_macaroon,
  });
  return {
    pair,
    async close() {
      door.close();
      await pair.close();
    },
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
