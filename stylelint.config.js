export default {
  extends: "stylelint-config-standard",
  rules: {
    // Block, element, modifier: .card, .card__name, .card--error; and Gradio's own: .min_value.
    "selector-class-pattern": "^([a-z0-9-]+(__[a-z0-9-]+)?(--[a-z0-9-]+)?|[a-z]+(_[a-z]+)+)$",
    // Custom properties of ours, and those of Gradio that are overridden (--range_progress).
    "custom-property-pattern": "^[a-z][a-z0-9_-]*$",
    "value-keyword-case": ["lower", { ignoreKeywords: ["Menlo", "Consolas"] }], // names of fonts
    // The same queries stand in matchMedia(), and (min-width: …) is known to more readers.
    "media-feature-range-notation": "prefix",
    // Chrome 111 knows masks with the prefix alone.
    "property-no-vendor-prefix": [true, { ignoreProperties: ["mask"] }],
    // Firefox before 121 drops a whole list of selectors for the `:has()` in one: it has a rule of its own.
    "selector-disallowed-list": [/^(?=.*:has\()([^(),]|\(([^()]|\([^()]*\))*\))*,/s],
    // House style: a rule of a few declarations on one line, related rules without blank lines.
    "declaration-block-single-line-max-declarations": null,
    "at-rule-empty-line-before": null,
    "comment-empty-line-before": null,
    "declaration-empty-line-before": null,
    "rule-empty-line-before": null,
    // Rules are grouped by the part of the page, states after it; most specific last within a part.
    "no-descending-specificity": null,
  },
};
