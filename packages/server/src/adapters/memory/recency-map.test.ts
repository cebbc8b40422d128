import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RecencyMap } from './recency-map.ts';

test('a recency map is a map whose oldest entry is the one that was set longest ago', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const action = fc.oneof(
    fc.record({ do: fc.constant('set'), key }),
    fc.record({ do: fc.constant('delete'), key }),
    fc.record({ do: fc.constant('takeOldest'), key }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const map = new RecencyMap<number>();
      let model: { readonly key: string; readonly value: number }[] = [];
      for (const [value, { do: what, key: of }] of actions.entries()) {
        if (what === 'takeOldest') assert.equal(map.takeOldest(), model.shift()?.value);
        else model = model.filter((entry) => entry.key !== of);
        if (what === 'delete') map.delete(of);
        if (what === 'set') {
          map.set(of, value);
          model.push({ key: of, value });
        }
        assert.equal(map.size, model.length);
        for (const entry of model) assert.equal(map.get(entry.key), entry.value);
      }
    }),
  );
});
