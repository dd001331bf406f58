#!/bin/sh
# SPDX-License-Identifier: MIT
# make_media.sh FOLDER: makes one small real file of each kind the library holds, as sample.EXTENSION.
# Needs ffmpeg.
set -eu
cd "$1"
picture="testsrc=size=64x48:rate=10:duration=1"
sound="sine=frequency=440:sample_rate=44100:duration=1"
make() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

make -f lavfi -i "$picture" \
  -frames:v 1 sample.png -frames:v 1 sample.jpg -frames:v 1 sample.bmp -frames:v 1 sample.tiff \
  -frames:v 1 sample.webp -frames:v 5 sample.gif
make -f lavfi -i "$sound" \
  sample.wav sample.mp3 sample.flac -c:a libvorbis sample.ogg -c:a aac sample.m4a -c:a aac sample.aac
clip() { # CODECS... FILE
  make -f lavfi -i "$picture" -f lavfi -i "$sound" -shortest -pix_fmt yuv420p "$@"
}
clip -c:v libx264 -preset ultrafast -c:a aac sample.mp4
clip -c:v libx264 -preset ultrafast -c:a aac sample.mov
clip -c:v mpeg4 -c:a libmp3lame sample.avi
clip -c:v libx264 -preset ultrafast -c:a aac sample.mkv
clip -c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis sample.webm
clip -c:v flv -c:a libmp3lame sample.flv
