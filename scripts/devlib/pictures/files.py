# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Small files of pictures: few colours, in a palette."""

import io

from PIL import Image, ImageDraw

COLOURS = 255
GAP = 24  # dots around the pictures of a strip
EDGE, PAPER = "#c9ccd2", "#ffffff"


def read(png):
    """Return a picture of the browser."""
    return Image.open(io.BytesIO(png)).convert("RGB")


def in_palette(image, colours=COLOURS):
    """Return a picture with a palette; large even areas stay even."""
    return image.quantize(
        colours, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
    )


def save(image, path):
    """Write a PNG with a palette."""
    in_palette(image).save(path, optimize=True)


def side_by_side(images):
    """Return pictures in one row, each with a thin edge."""
    width = sum(image.width for image in images) + GAP * (len(images) + 1)
    strip = Image.new("RGB", (width, max(image.height for image in images) + 2 * GAP), PAPER)
    draw, left = ImageDraw.Draw(strip), GAP
    for image in images:
        strip.paste(image, (left, GAP))
        draw.rectangle(
            (left - 1, GAP - 1, left + image.width, GAP + image.height), outline=EDGE, width=1
        )
        left += image.width + GAP
    return strip


def save_film(frames, path, colours=128):
    """Write a film that begins anew for ever.

    :param frames: (picture, milliseconds) of each
    """
    first = frames[0][0]
    # one palette for all: what does not move then is the same in each frame, and costs nothing
    sheet = Image.new("RGB", (first.width, first.height * len(frames)))
    for number, (image, _time) in enumerate(frames):
        sheet.paste(image, (0, number * first.height))
    palette = in_palette(sheet.reduce(2), colours)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image, _time in frames]
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=[milliseconds for _image, milliseconds in frames],
        loop=0,
        optimize=False,
        disposal=1,
    )
