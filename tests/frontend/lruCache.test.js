// Checks of the cache of bounded size.

import { test } from "node:test";

import { same } from "./support.js";

import { LruCache } from "../../playground/frontend/shared/lruCache.js";

test("the least recently used entry is evicted", () => {
  const cache = new LruCache(2);
  cache.set("a", 1);
  cache.set("b", 2);
  same(cache.get("a"), 1); // used again: now b is the oldest
  cache.set("c", 3);
  same(["a", "b", "c"].map((key) => cache.get(key)), [1, undefined, 3]);
  same([cache.has("a"), cache.has("b")], [true, false]);
  cache.set("a", 4);
  cache.set("d", 5);
  same([cache.get("a"), cache.has("c"), cache.size], [4, false, 2]);
});
