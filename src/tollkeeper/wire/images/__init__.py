"""Images: their URLs in requests, and the structure of their files.

urls.py    `data:` URLs, and web URLs
bounds.py  bounds of images
png.py     the structure of a PNG
jpeg.py    the structure of a JPEG
gif.py     the structure of a GIF
webp.py    the structure of a WebP
exif.py    the orientation in EXIF data
"""
