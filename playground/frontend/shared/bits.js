// Bits. Pure.

/** Bits of nats: of minus the natural logarithm of a probability, or of a loss.
 * @param {number} nats */
export const toBits = (nats) => nats / Math.LN2;
