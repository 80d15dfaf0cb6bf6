// @ts-check
// While nothing is on air: the channel's passes, bought in place, or that this browser has one.

/** @import { Channel, Sold } from "../types.js" */

import { now } from "../clock.js";
import { byId, h } from "../dom.js";
import { Till } from "../film/till.js";
import { remaining } from "../words.js";

/** @param {Channel} channel */
export async function offAir(channel) {
  const place = byId("offers");
  if (!place || channel.passes.length === 0) return;
  /** @type {Sold} */
  const sold = {
    id: `channel:${channel.id}`,
    channel: channel.id,
    name: channel.name,
    tiers: channel.passes,
    free: false,
    scopes: ["site", ...new Set(channel.passes.map(({ scope }) => scope))],
    words: { buy: "Get it for", paid: "Paid. It opens here when a broadcast begins." },
  };
  const till = new Till(sold);

  /** @param {{ expires_at: string | null }} held */
  const owned = ({ expires_at }) => {
    place.replaceChildren(
      h(
        "p",
        { class: "owned" },
        h("strong", null, remaining(expires_at, now())),
        h(
          "span",
          { class: "quiet" },
          "You have everything here on this device. A broadcast opens when it begins.",
        ),
      ),
      h("p", { class: "quiet" }, h("a", { href: "/purchases" }, "Save a copy for other devices")),
    );
  };

  const recorded = channel.recordings.length > 0 ? ", and the recordings below" : "";
  const counted = channel.passes.some(({ hours }) => hours)
    ? " Hours count from the payment on."
    : "";
  place.replaceChildren(
    till.choice.form((offer) => void till.sale.buy(offer)),
    h("p", { class: "quiet" }, `Opens every broadcast here when it begins${recorded}.${counted}`),
  );
  till.open((access) => owned(access));
  const held = await till.heldNow();
  if (held) {
    till.store.send({ type: "unlock", access: null, paid: false });
    owned(held);
  }
  await till.resume();
}
