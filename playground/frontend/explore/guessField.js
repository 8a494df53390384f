// The field that guesses are typed into: it takes each character and is empty again. The keyboard of a
// phone composes words and must not be disturbed: of those, what is added or erased is taken. Where
// tokens are pieces of words it keeps what is typed until that is guessed.

export class GuessField {
  /** Whether what is typed stays in the field. */
  keepsText = false;
  #input;
  /** What was taken of the word that is being composed. */
  #taken = "";

  /** @param {HTMLInputElement} input
   * @param {object} on
   * @param {(text: string, isComplete: boolean) => void} on.onText isComplete: nothing is being composed
   * @param {(text: string) => void} on.onComposed what was composed, all of which has been taken
   * @param {() => void} on.onErase a character was erased, or Backspace pressed in the empty field
   * @param {(text: string) => void} on.onKept the text that stays in the field has changed */
  constructor(input, { onText, onComposed, onErase, onKept }) {
    this.#input = input;
    input.addEventListener("input", (/** @type {any} */ event) => {
      if (this.keepsText) return onKept(input.value);
      const isComplete = !event.isComposing;
      const { value } = input;
      const taken = this.#taken;
      this.#taken = value;
      if (isComplete) this.clear();
      if (value.startsWith(taken)) {
        if (value !== taken) onText(value.slice(taken.length), isComplete);
      } else if (taken.startsWith(value)) onErase();
      else onText(value, isComplete);
    });
    input.addEventListener("compositionend", () => {
      if (this.keepsText) return;
      onComposed(input.value);
      this.clear();
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Backspace" && input.value === "") onErase();
    });
  }

  get isFocused() {
    return document.activeElement === this.#input;
  }

  get text() {
    return this.#input.value;
  }

  focus() {
    this.#input.focus();
  }

  clear() {
    this.#input.value = "";
    this.#taken = "";
  }
}
