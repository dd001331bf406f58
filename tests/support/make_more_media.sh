#!/bin/sh
# SPDX-License-Identifier: MIT
# make_more_media.sh FOLDER: makes small real files of kinds that make_media.sh leaves out: other endings, and
# what a format can hold besides the plain. Needs ffmpeg.
set -eu
cd "$1"
picture="testsrc=size=64x48:rate=10:duration=1"
sound="sine=frequency=440:sample_rate=48000:duration=1.5"
make() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

# Pictures: depths, opacity, animations, passes.
make -f lavfi -i "$picture" -frames:v 1 -pix_fmt rgb48be deep.png -frames:v 1 -pix_fmt gray grey.png \
  -frames:v 1 -pix_fmt pal8 palette.png -frames:v 1 -pix_fmt monob mono.png -frames:v 1 -pix_fmt yuvj444p full.jpg \
  -frames:v 1 -pix_fmt gray16le deep.tiff -frames:v 1 -compression_algo lzw packed.tif \
  -frames:v 1 -pix_fmt pal8 palette.bmp -frames:v 1 -lossless 1 lossless.webp -frames:v 1 -dpi 300 dense.png
make -f lavfi -i "$picture" -frames:v 5 -plays 0 -f apng moving.apng -frames:v 5 -c:v libwebp_anim moving.webp
make -f lavfi -i "color=red@0.5:size=64x48,format=rgba" -frames:v 1 half.png -frames:v 1 -lossless 1 half.webp -frames:v 1 half.tiff
make -f lavfi -i "color=red:size=64x48,format=rgba" -frames:v 1 opaque.png
# Sounds.
make -f lavfi -i "$sound" -c:a pcm_s24le deep.wav -c:a pcm_f32le float.wav -ac 6 -c:a pcm_s16le -f wav six.wave \
  -c:a libopus sound.opus -c:a libvorbis sound.oga -c:a flac -f ogg flac.ogg -c:a aac -f mp4 book.m4b \
  -c:a aac -f adts sound.adts -c:a alac lossless.m4a -write_xing 0 -c:a libmp3lame plain.mp3 -c:a libopus sound.webm
# Clips.
make -f lavfi -i "$picture" -pix_fmt yuv420p -c:v libx264 -preset ultrafast -movflags +faststart early.mp4 \
  -pix_fmt yuv420p -c:v libx264 -preset ultrafast -movflags frag_keyframe+empty_moov parts.mp4 \
  -pix_fmt yuv420p -c:v libx264 -preset ultrafast -f mp4 clip.m4v -pix_fmt yuv420p -c:v libx264 -preset ultrafast -f mov clip.qt \
  -pix_fmt yuv420p -c:v libx264 -preset ultrafast -f f4v clip.f4v -c:v mjpeg -pix_fmt yuvj422p clip.avi
make -i early.mp4 -c copy -metadata:s:v rotate=90 -f mov turned.mov
make -f lavfi -i "color=red@0.5:size=64x48:rate=10:duration=1,format=yuva420p" -c:v libvpx-vp9 -auto-alt-ref 0 -deadline realtime clear.webm
make -f lavfi -i "$picture" -f lavfi -i "$sound" -c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis -shortest \
  -live 1 live.webm
