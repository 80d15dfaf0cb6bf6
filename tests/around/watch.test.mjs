// @ts-check
// What watches: fail2ban and Prometheus read our files where the document puts them. What the files do has tests of its own
// (tests/fail2ban, tests/alerts).

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { before, test } from "node:test";

import { follow, run } from "./docs.mjs";

before(async () => {
  // systemd is not running here: that the configuration is right is asked for below.
  const script = '#!/bin/sh\n[ "$*" = "restart fail2ban" ]\n';
  await writeFile("/usr/local/bin/systemctl", script, { mode: 0o755 });
});

test("fail2ban has the jail for those who try stream keys", async () => {
  const jails = async () => (await run("fail2ban-client", ["--dump-pretty"])).stdout;
  assert.doesNotMatch(await jails(), /satreel-rtmp/);
  await follow("strangers");
  await run("fail2ban-client", ["--test"]);
  const ours = await jails();
  assert.match(ours, /\['add', 'satreel-rtmp', 'systemd'\]/);
  assert.match(ours, /\['set', 'satreel-rtmp', 'maxretry', 5\]/);
});

test("Prometheus reads the alarms", async () => {
  const { stdout } = await follow("alarms");
  assert.match(stdout, /SUCCESS: \d+ rules found/);
});
