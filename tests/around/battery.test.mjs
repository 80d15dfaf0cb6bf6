// @ts-check
// The shutdown by the UPS: Debian's apccontrol calls our hooks, and Debian's apcupsd calls apccontrol when the battery of
// a UPS (one that it reads over the network, from here) runs out. systemctl is a stand-in that writes down what it is
// told; `timeout` is the real one, a hundred times as fast.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { after, before, test } from "node:test";

import { follow, run } from "./docs.mjs";
import { until } from "./wait.mjs";

const STAND_INS = {
  systemctl: `case $1 in
  show) shift 3; between=; for unit; do
      [ "$unit" = -- ] && continue
      printf "$between"; between='\\n'
      grep -qx "$unit" /run/missing && echo not-found || echo loaded
    done ;;
  stop) shift; echo "stop $*" >>/run/told
    for unit; do grep -qx "$unit" /run/hangs && exec sleep infinity; done
    echo "ended $*" >>/run/told ;;
  restart | enable | daemon-reload) ;;
  *) echo "systemctl $*" >>/run/told; exit 1 ;;
esac`,
  timeout: `kill=0; case $1 in --kill-after=*) kill=\${1#*=}; shift ;; esac
seconds=$1; shift
echo "limit $((kill + seconds))" >>/run/told
# What is asked and not waited for has its time.
[ "$seconds" -lt 10 ] || seconds=$(printf '%d.%02d' $((seconds / 100)) $((seconds % 100)))
exec /usr/bin/timeout --kill-after=1 "$seconds" "$@"`,
  logger: `echo "log $*" >>/run/told`,
  wall: `cat >/dev/null`,
};

const SALE =
  "satreel.socket satreel.service satreel-transcoder.service satreel-backup.timer satreel-backup.service btcpayserver.service loopd.service";

/** What was done, in turn. */
const told = async () => (await readFile("/run/told", "utf8")).trim().split("\n");
const of = (/** @type {string[]} */ lines, /** @type {RegExp} */ kind) =>
  lines.filter((line) => kind.test(line));

/** Calls apccontrol as apcupsd does. @param {string} event @param {{ missing?: string[], hangs?: string[] }} [how] */
async function event(event, { missing = [], hangs = [] } = {}) {
  await writeFile("/run/told", "");
  await writeFile("/run/missing", missing.join("\n") + "\n");
  await writeFile("/run/hangs", hangs.join("\n") + "\n");
  await run("/etc/apcupsd/apccontrol", [event, "satreel", "USB UPS Driver", "0"]);
  return told();
}

before(async () => {
  for (const [name, script] of Object.entries(STAND_INS))
    await writeFile(`/usr/local/bin/${name}`, `#!/bin/bash\n${script}\n`, { mode: 0o755 });
  // Where apccontrol has it compiled in.
  await run("rm", ["-f", "/usr/sbin/shutdown"]);
  await writeFile("/usr/sbin/shutdown", `#!/bin/sh\necho "shutdown $1" >>/run/told\n`, {
    mode: 0o755,
  });
  await follow("battery");
});

test("the shutdown ends what takes money, then LND, then bitcoind, each waited for", async () => {
  const done = of(await event("doshutdown"), /^(stop|ended|shutdown)/);
  assert.deepEqual(done, [
    `stop ${SALE}`,
    `ended ${SALE}`,
    "stop lnd.service",
    "ended lnd.service",
    "stop bitcoind.service",
    "ended bitcoind.service",
    "shutdown -h",
  ]);
});

test("the shutdown keeps its budget when nothing ends", async () => {
  const lines = await event("doshutdown", {
    hangs: ["satreel.service", "lnd.service", "bitcoind.service"],
  });
  assert.deepEqual(of(lines, /^(stop|ended|shutdown)/), [
    `stop ${SALE}`,
    "stop lnd.service",
    "stop bitcoind.service",
    "shutdown -h",
  ]);
  const limits = of(lines, /^limit/).map((line) => Number(line.split(" ")[1]));
  const [, sale, , node, , chain] = limits;
  assert.deepEqual([sale, node, chain], [21, 61, 121]);
  const sum = limits.reduce((sum, limit) => sum + limit);
  assert.ok(sum <= 210, `${sum} seconds`);
  assert.equal(of(lines, /daemon\.err -- not ended within/).length, 3, "what did not end is told");
});

test("an LND that hangs costs bitcoind nothing", async () => {
  const lines = await event("doshutdown", { hangs: ["lnd.service"] });
  assert.deepEqual(of(lines, /^(ended|shutdown)/), [
    `ended ${SALE}`,
    "ended bitcoind.service",
    "shutdown -h",
  ]);
  assert.equal(of(lines, /not ended within 60 s.*lnd\.service/).length, 1);
});

test("units that a machine lacks are passed over", async () => {
  const missing = SALE.split(" ").filter((unit) => !/^satreel\./.test(unit));
  const lines = await event("doshutdown", { missing: [...missing, "bitcoind.service"] });
  assert.deepEqual(of(lines, /^(stop|shutdown)/), [
    "stop satreel.socket satreel.service",
    "stop lnd.service",
    "shutdown -h",
  ]);
  assert.equal(of(lines, /daemon\.err/).length, 0);
  const nothing = await event("doshutdown", {
    missing: [...SALE.split(" "), "lnd.service", "bitcoind.service"],
  });
  assert.deepEqual(of(nothing, /^(stop|shutdown)/), ["shutdown -h"]);
});

test("what the UPS says is told to the journal", async () => {
  const said = async (/** @type {string} */ name) => (await event(name)).join("\n");
  assert.match(
    await said("onbattery"),
    /^log -t satreel-power -p daemon\.warning -- no power; satreel lives on/,
  );
  assert.match(await said("offbattery"), /daemon\.notice -- power is back on satreel$/);
  assert.match(await said("commfailure"), /daemon\.err -- satreel does not answer/);
  assert.match(await said("changeme"), /daemon\.err -- the battery of satreel is at its end/);
});

/** A UPS that apcupsd reads over the network, in its own language. @param {() => Record<string, string>} now */
function ups(now) {
  return createServer((line) => {
    line.on("error", () => {});
    line.on("data", () => {
      const words = (/** @type {string} */ text) => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(Buffer.byteLength(text));
        return Buffer.concat([length, Buffer.from(text)]);
      };
      const lines = Object.entries(now()).map(([key, value]) =>
        words(`${key.padEnd(9)}: ${value}\n`),
      );
      line.write(Buffer.concat([...lines, Buffer.alloc(2)]));
    });
  });
}

test("the daemon shuts down in order when the battery is at 20 %", async () => {
  const conf = await readFile("/etc/apcupsd/apcupsd.conf", "utf8");
  assert.match(conf, /^## apcupsd\.conf v1\.1 ##\n/);
  for (const line of ["ONBATTERYDELAY 6", "BATTERYLEVEL 20", "MINUTES 10", "TIMEOUT 0"])
    assert.match(conf, new RegExp(`^${line}$`, "m"));

  let power = true;
  let charge = 100;
  let asked = 0;
  const device = ups(() => {
    asked += 1;
    return {
      UPSNAME: "satreel",
      MODEL: "Back-UPS",
      UPSMODE: "Stand Alone",
      STATUS: power ? "ONLINE" : "ONBATT",
      BCHARGE: `${charge}.0 Percent`,
      TIMELEFT: "55.0 Minutes",
      STATFLAG: power ? "0x05000008" : "0x05000010",
    };
  });
  await new Promise((resolve) => device.listen(0, "127.0.0.1", () => resolve(undefined)));
  after(() => device.close());
  const { port } = /** @type {import("node:net").AddressInfo} */ (device.address());
  // The file as it is installed, but for where the UPS is, and how long is waited.
  const here = conf
    .replace("UPSCABLE usb", "UPSCABLE ether\nPOLLTIME 1")
    .replace("UPSTYPE usb", "UPSTYPE net")
    .replace(/^DEVICE$/m, `DEVICE 127.0.0.1:${port}`)
    .replace("ONBATTERYDELAY 6", "ONBATTERYDELAY 0")
    .replace("NISPORT 3551", "NISPORT 3552");
  await writeFile("/etc/apcupsd/apcupsd.conf", here);
  for (const file of ["told", "missing", "hangs"]) await writeFile(`/run/${file}`, "");

  const daemon = spawn("/sbin/apcupsd", ["-b", "-f", "/etc/apcupsd/apcupsd.conf"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  after(() => daemon.kill());
  let said = "";
  for (const pipe of [daemon.stdout, daemon.stderr]) pipe.on("data", (more) => (said += more));
  const seen = (/** @type {RegExp} */ line) => async () => {
    assert.equal(daemon.exitCode, null, said);
    return of(await told(), line).length > 0;
  };
  /** Until apcupsd has looked twice more, so that what it saw is dealt with. */
  const looked = async () => {
    const then = asked;
    await until("apcupsd looks", async () => asked > then + 2);
  };
  await looked();
  power = false;
  await until("the power cut is told", seen(/no power; satreel/));
  power = true;
  await until("its end is told", seen(/power is back/));
  [power, charge] = [false, 21];
  await looked();
  assert.deepEqual(of(await told(), /^(stop|shutdown)/), [], "21 % is enough");
  charge = 20;
  await until("the machine goes down", seen(/^shutdown -h/));
  assert.deepEqual(of(await told(), /^(ended|shutdown)/), [
    `ended ${SALE}`,
    "ended lnd.service",
    "ended bitcoind.service",
    "shutdown -h",
  ]);
});
