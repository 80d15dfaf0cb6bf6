// @ts-check
// A public machine and one at home: this network and another, that know each other by one wire only, and the tunnel between
// them. They have one file system, but for the tunnel's own files.

import { mkdir } from "node:fs/promises";

import { run } from "./docs.mjs";

/** What is to be run at home begins with this. */
export const atHome = ["ip", "netns", "exec", "home"];

/** The public machine is 192.0.2.1 and has a name; home is 192.0.2.2. */
export async function connect() {
  const wire = `
    ip netns add home
    ip link add outside type veth peer name wan netns home
    ip address add 192.0.2.1/30 dev outside && ip link set outside up
    ip -n home address add 192.0.2.2/30 dev wan && ip -n home link set wan up && ip -n home link set lo up
    echo 192.0.2.1 films.example >>/etc/hosts`;
  await run("bash", ["-euc", wire]);
}

/** Brings each file to its machine, and opens the tunnel. Returns whose WireGuard it is. */
export async function open() {
  // `ip netns exec` shows this folder as /etc/wireguard.
  const bring = `
    mkdir -p /etc/netns/home/wireguard
    mv /etc/wireguard/satreel.conf /etc/netns/home/wireguard/
    install -m 600 /root/tunnel/public.conf /etc/wireguard/satreel.conf`;
  await run("bash", ["-euc", bring]);
  const probe = run("ip", ["link", "add", "probe", "type", "wireguard"]);
  const kernel = await probe.then(
    () => run("ip", ["link", "del", "probe"]),
    () => undefined,
  );
  if (!kernel) process.env.WG_QUICK_USERSPACE_IMPLEMENTATION = "wireguard-go";
  await mkdir("/run/wireguard", { recursive: true });
  await run("wg-quick", ["up", "satreel"]);
  // Home's tunnel has the same name: its folder of sockets is its own.
  const up = "mount -t tmpfs tmpfs /run/wireguard && wg-quick up satreel";
  const [program, ...words] = atHome;
  await run(program, [...words, "bash", "-euc", up]);
  return kernel ? "WireGuard is the kernel's" : "WireGuard is wireguard-go's: this kernel has none";
}
