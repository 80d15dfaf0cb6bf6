// @ts-check
// A QR as SVG, made in the browser: what you own is sent nowhere to be drawn.

import { encode } from "uqr";

import { svg } from "../dom.js";

/** @param {string} text @param {string} label */
export function qrImage(text, label) {
  const { size, data } = encode(text, { ecc: "L", border: 4 });
  let path = "";
  data.forEach((row, y) =>
    row.forEach((dark, x) => {
      if (dark) path += `M${x} ${y}h1v1h-1z`;
    }),
  );
  return svg(
    "svg",
    { viewBox: `0 0 ${size} ${size}`, class: "qr", role: "img", "aria-label": label },
    svg("rect", { width: size, height: size, fill: "#fff" }),
    svg("path", { d: path, fill: "#000", "shape-rendering": "crispEdges" }),
  );
}
