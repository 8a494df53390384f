import js from "@eslint/js";
import globals from "globals";

// Numbers that need no name: indices, halves, percent, thousands (milliseconds a second).
const PLAIN_NUMBERS = [-1, 0, 1, 2, 100, 1000];

export default [
  { ignores: ["**/node_modules/", ".venv/", "models/"] },
  js.configs.recommended,
  {
    files: ["playground/frontend/**/*.js"],
    languageOptions: { globals: globals.browser, ecmaVersion: 2022 }, // Safari 16.4, Chrome 111, Firefox 115 parse it
    rules: {
      // What these browsers lack.
      "no-restricted-properties": ["error",
        { object: "AbortSignal", property: "any" },
        { object: "Promise", property: "withResolvers" },
        ...["checkVisibility", "popover", "showPopover", "hidePopover", "togglePopover", "groupBy", "toSorted", "toReversed", "toSpliced"]
          .map((property) => ({ property })),
      ],
      "no-restricted-syntax": ["error", {
        selector: "MemberExpression[property.name=/^(role|aria[A-Z].*)$/]",
        message: "Firefox 115 has no ARIA reflection: use setAttribute.",
      }],
      // Limits and defaults come from the server (shared/config.js); what is the page's alone has a name.
      "no-magic-numbers": ["error", { ignore: PLAIN_NUMBERS, ignoreArrayIndexes: true, enforceConst: true, detectObjects: false }],
      "max-lines-per-function": ["error", { max: 60 }],
    },
  },
  // Parsed by browsers that can't run the page, so that they can be told.
  { files: ["playground/frontend/early.js", "playground/frontend/sharing/repair.js"], languageOptions: { ecmaVersion: 2018 } },
  { files: ["tests/frontend/*.js", "benchmarks/*.mjs", "*.config.js"], languageOptions: { globals: globals.node } },
  { files: ["tests/browser/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["tests/browser/firefox.js"], languageOptions: { globals: globals.node } },
  {
    files: ["**/*.{js,mjs}"],
    rules: {
      // Keys of the API's JSON are snake_case.
      camelcase: ["error", { properties: "never", ignoreDestructuring: true }],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-undef": "error",
      "no-unused-vars": "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
