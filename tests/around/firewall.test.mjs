// @ts-check
// Debian's ufw with our profiles and the document's commands, loaded into a kernel's own table.

import assert from "node:assert/strict";
import { test } from "node:test";

import { follow, run } from "./docs.mjs";

/** What comes in, as the kernel has it: a line for each rule. */
async function open() {
  const rules = [];
  for (const program of ["iptables-save", "ip6tables-save"]) {
    const { stdout } = await run(program, ["-t", "filter"]);
    for (const line of stdout.split("\n")) {
      const rule = line.match(/^-A ufw6?-user-input (.* )?-j ACCEPT$/);
      if (rule) rules.push(`${program === "iptables-save" ? 4 : 6} ${(rule[1] ?? "").trim()}`);
    }
  }
  return rules.sort();
}

const both = (/** @type {string[]} */ ...rules) =>
  rules.flatMap((rule) => [`4 ${rule}`, `6 ${rule}`]).sort();
const site = "-p tcp -m multiport --dports 80,443";
const live = "-p tcp -m multiport --dports 1935,1936";
const tunnel = "-p udp -m udp --dport 51820";

test("the firewall opens what a site needs and nothing else", async () => {
  await follow("firewall");
  const { stdout } = await run("ufw", ["--force", "enable"]);
  assert.match(stdout, /active/);
  const names = (await run("ufw", ["app", "list"])).stdout;
  for (const name of ["Satreel", "Satreel Live", "Satreel Tunnel"])
    assert.match(names, new RegExp(`^ +${name}$`, "m"));
  const added = (await open()).map((rule) => rule.replace(/ -m comment --comment \S+$/, ""));
  assert.deepEqual(added, both(site));

  const all = (await run("iptables-save", [])).stdout;
  assert.match(all, /^:INPUT DROP /m);
  // SSH is let in, but not the sixth time in half a minute.
  assert.match(
    all,
    /^-A ufw-user-input -p tcp -m tcp --dport 22 .*-m recent --update --seconds 30 --hitcount 6 .*-j ufw-user-limit$/m,
  );
  assert.match(all, /^-A ufw-user-input -p tcp -m tcp --dport 22 -j ufw-user-limit-accept$/m);
});

test("broadcasts and the tunnel's ends are opened where they are asked for", async () => {
  const before = await open();
  await follow("firewall live");
  await follow("firewall public");
  await follow("firewall home");
  const added = (await open())
    .filter((rule) => !before.includes(rule))
    .map((rule) => rule.replace(/ -m comment --comment \S+$/, ""));
  const home = "4 -s 10.100.0.1/32 -d 10.100.0.2/32 -i satreel -p tcp -m tcp --dport 10009";
  assert.deepEqual(added.sort(), [...both(live, tunnel), home].sort());
  const { stdout } = await run("ufw", ["status"]);
  assert.match(stdout, /^10\.100\.0\.2 10009\/tcp on satreel +ALLOW +10\.100\.0\.1 *$/m);
  assert.doesNotMatch(stdout, /8080|8332|9735/);
});
