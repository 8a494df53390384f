// The panels of Explore by their names in the page's config, which has their order.

/** @import { ExploreContext, ExplorePanel } from "../types.js" */

import { BranchTree } from "./branchTree.js";
import { SurprisePanel } from "./surprisePanel.js";
import { GuessGame } from "./guess.js";
import { SamplingPanel } from "./samplingPanel.js";
import { ContextLab } from "./contextLab.js";
import { CorpusPanel } from "./corpusPanel.js";
import { Keep } from "./keep/keep.js";
import { TokensPanel } from "./tokensPanel.js";
import { Lanes } from "./lanes/lanes.js";

/** @type {Record<string, new (element: HTMLElement, context: ExploreContext) => ExplorePanel>} */
export const PANELS = {
  branches: BranchTree,
  surprise: SurprisePanel,
  guess: GuessGame,
  draw: SamplingPanel,
  corpus: CorpusPanel,
  context: ContextLab,
  tokens: TokensPanel,
  lanes: Lanes,
  keep: Keep,
};
