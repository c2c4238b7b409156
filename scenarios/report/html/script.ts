// The page's only script: the timeline's crosshair and tooltip. Everything else works without it.

/** Reads the texts that were made with the page; it computes nothing and asks nobody. */
export const script = `
'use strict'
const plot = document.getElementById('plot')
const { left, right, width, readings } = JSON.parse(document.getElementById('readings').textContent)
const tip = document.getElementById('tip')
const cross = document.getElementById('cross')
let at = -1
document.getElementById('hint').hidden = false
function show(index) {
  at = Math.max(0, Math.min(readings.length - 1, index))
  const scale = plot.scrollWidth / width
  const x = left + ((at + 0.5) / readings.length) * (right - left)
  cross.setAttribute('x1', x)
  cross.setAttribute('x2', x)
  cross.removeAttribute('hidden')
  tip.replaceChildren(...readings[at].map(block => {
    const box = document.createElement('div')
    box.append(...block.map((text, row) => {
      const line = document.createElement(row === 0 ? 'strong' : 'span')
      line.textContent = text
      return line
    }))
    return box
  }))
  tip.hidden = false
  const view = plot.parentElement
  const isInLeftHalf = x * scale - view.scrollLeft < view.clientWidth / 2
  const place = isInLeftHalf ? x * scale + 14 : x * scale - tip.offsetWidth - 14
  const most = view.scrollLeft + view.clientWidth - tip.offsetWidth
  tip.style.left = Math.max(view.scrollLeft, Math.min(most, place)) + 'px'
}
function hide() {
  at = -1
  tip.hidden = true
  cross.setAttribute('hidden', '')
}
plot.addEventListener('pointermove', event => {
  const box = plot.getBoundingClientRect()
  const x = ((event.clientX - box.left) / box.width) * width
  if (x < left || x >= right) hide()
  else show(Math.floor(((x - left) / (right - left)) * readings.length))
})
plot.addEventListener('pointerleave', hide)
plot.addEventListener('blur', hide)
plot.addEventListener('keydown', event => {
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -readings.length, End: readings.length }
  if (event.key === 'Escape') hide()
  if (!(event.key in steps)) return
  event.preventDefault()
  show((at < 0 && event.key !== 'End' ? -1 : at) + steps[event.key])
})
`
