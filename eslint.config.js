import js from "@eslint/js";
import globals from "globals";

// Numbers that need no name: indices, halves, percent, thousands (milliseconds a second).
const PLAIN_NUMBERS = [-1, 0, 1, 2, 100, 1000];

export default [
  { ignores: ["**/node_modules/", ".venv/", "models/"] },
  js.configs.recommended,
  {
    files: ["playground/frontend/**/*.js"],
    languageOptions: { globals: globals.browser },
    rules: {
      // Limits and defaults come from the server (shared/config.js); what is the page's alone has a name.
      "no-magic-numbers": ["error", { ignore: PLAIN_NUMBERS, ignoreArrayIndexes: true, enforceConst: true, detectObjects: false }],
      "max-lines-per-function": ["error", { max: 60 }],
    },
  },
  { files: ["playground/frontend/early.js"], languageOptions: { sourceType: "script" } },
  { files: ["tests/frontend/*.js", "*.config.js"], languageOptions: { globals: globals.node } },
  { files: ["tests/browser/*.js"], languageOptions: { globals: globals.browser } },
  {
    files: ["**/*.js"],
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
