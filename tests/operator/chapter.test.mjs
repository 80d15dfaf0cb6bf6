// @ts-check
// From an empty machine to a sale by LND, copies, and back from nothing; and to a sale by BTCPay Server.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, readdir, readFile, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { until } from "../around/wait.mjs";
import { ask, buy, follow, home, machine, openStore, play, run } from "./site.mjs";

/** @type {Awaited<ReturnType<typeof machine>>} */
let there;
before(async () => {
  await appendFile("/etc/hosts", "127.0.0.1 films.example\n");
  there = await machine();
});
after(() => there.pair.close());

let [title, token] = ["", ""];

/** What a disk that is gone takes along. */
async function lose() {
  await run("systemctl", ["stop", "satreel", "satreel-transcoder", "satreel-backup"]);
  const all = "/var/lib/satreel /var/lib/satreel-backup /etc/satreel /etc/systemd/system/satreel*";
  await run("bash", ["-euc", `rm -rf ${all}`]);
}

test("from an empty machine to the first sale", async () => {
  await follow("machine");
  await follow("proxy");
  await follow("lnd");
  await follow("lnd configuration", there.configured);
  const ready = await follow("start");
  assert.match(ready.stdout, /"ready"/);
  title = (await follow("film")).stdout.trim().split(" ").at(-1) ?? "";
  assert.ok((await ask("/")).includes("Holiday"));
  token = await buy(title, there.pair.pay);
  await play(title, token);
  const sold = (await follow("sold")).stdout;
  assert.match(sold, /\b100\b/);
  assert.doesNotMatch(sold, /\bred\b/i);
  // The doctor visits the site from outside.
  assert.match(sold, /^green +proxy headers/m);
});

test("a broadcast is on air", async (t) => {
  const said = (await follow("channel")).stdout;
  const [server] = said.match(/rtmp:\/\/\S+/) ?? assert.fail(said);
  const [key] = said.match(/\bnews_[0-9a-f]+/) ?? assert.fail(said);
  const picture = "-re -f lavfi -i testsrc2=s=320x180:r=25 -c:v libx264 -pix_fmt yuv420p -g 25";
  const to = server.endsWith(key) ? server : `${server}/${key}`;
  const words = `-nostdin -v error ${picture} -preset ultrafast -f flv ${to}`.split(" ");
  const publisher = spawn("ffmpeg", words, { stdio: "inherit" });
  t.after(() => publisher.kill());
  await until("the channel is on air", async () => {
    assert.equal(publisher.exitCode, null, "the publisher was turned away");
    return JSON.parse(await ask("/api/channels/news")).state === "live";
  });
});

test("copies are made of node and site, and the drill proves them", async () => {
  await follow("backup key");
  await follow("backup");
  await follow("backup configuration");
  await follow("backup start");
  await until("copies of both", async () => {
    const names = await readdir("/mnt/usb/satreel");
    return ["channels-", "site-"].every((kind) => names.some((name) => name.startsWith(kind)));
  });
  const { stdout } = await follow("drill");
  assert.match(stdout, /usb/);
  await follow("update");
  await play(title, token);
});

test("everything is lost, and comes back for who bought it", async () => {
  const keys = await readFile("/var/lib/satreel/keys.json", "utf8");
  await lose();
  await assert.rejects(ask("/"));
  await follow("machine");
  await follow("restore");
  assert.equal(await readFile("/var/lib/satreel/keys.json", "utf8"), keys);
  await follow("lnd");
  await follow("backup");
  await follow("start");
  await follow("film");
  await play(title, token);
  await follow("backup start");
  // Which fails while the doctor has something red to say, as that there is no copy yet.
  const sold = await until("a healthy site", () => follow("sold").catch(() => undefined));
  assert.match(sold.stdout, /\b100\b/);
  assert.ok(!(await readdir(home)).includes("backup-key.txt"), "the secret key was left behind");
});

test("from an empty machine to the first sale by BTCPay Server", async (t) => {
  await lose();
  const key = "k".repeat(40);
  const store = await openStore(there.pair, "STORE", key);
  t.after(store.close);
  await follow("machine");
  await writeFile(`${home}/btcpay-key`, `${key}\n`);
  await follow("btcpay");
  await follow("btcpay configuration", (commands) =>
    commands.replace("https://btcpay.example", store.url),
  );
  await follow("start");
  assert.match((await follow("btcpay connect")).stdout, /good +webhook/);
  title = (await follow("film")).stdout.trim().split(" ").at(-1) ?? "";
  token = await buy(title, there.pair.pay);
  await play(title, token);
  assert.match((await follow("sold")).stdout, /\b100 sat/);
  await store.close();
});
