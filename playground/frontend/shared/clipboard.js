// The clipboard.

/** Copy the text of a field, which stays selected; returns whether that was allowed.
 * @param {HTMLInputElement | HTMLTextAreaElement} field @returns {Promise<boolean>} */
export async function copyField(field) {
  field.focus();
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy"); // a frame may be denied the clipboard
  }
}
