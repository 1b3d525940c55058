// The ids of the made-up audience: what `homing snapshot generate` calls its users.
//
// Restates `audience::generate::demo_user_id` (src/audience/generate.rs); the test beside the
// other tests compares the two. No k6 in here, so that node can run it.

const BITS_64 = 64;
const USER_ID_SEED = 0x6275_7965_7275_6964n;

/** The `n`-th number of the splitmix64 stream that starts at `seed`. */
function nth(seed, n) {
  const wrap = (number) => BigInt.asUintN(BITS_64, number);
  let z = wrap(seed + wrap(n * 0x9e37_79b9_7f4a_7c15n));
  z = wrap((z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
  z = wrap((z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn);
  return z ^ (z >> 31n);
}

/** A number in hexadecimal, with leading zeros up to `digits`. */
function hex(number, digits) {
  return number.toString(16).padStart(digits, '0');
}

/** The `buyeruid` of the `n`-th user of the made-up audience. */
export function demoUserId(n) {
  const high = nth(USER_ID_SEED, BigInt(n));
  const low = nth(BigInt.asUintN(BITS_64, ~USER_ID_SEED), BigInt(n));
  return [
    hex(high >> 32n, 8),
    hex((high >> 16n) & 0xffffn, 4),
    `4${hex(high & 0xfffn, 3)}`,
    `a${hex((low >> 48n) & 0xfffn, 3)}`,
    hex(low & 0xffff_ffff_ffffn, 12),
  ].join('-');
}

/** `count` ids, spread evenly over an audience of `users` users. */
export function sampleOfUserIds(users, count) {
  const taken = Math.min(users, count);
  return Array.from({ length: taken }, (_, n) => demoUserId(Math.floor((n * users) / taken)));
}
