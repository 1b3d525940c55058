//! Media types of creatives, as sets small enough to compare with one instruction.

/// A media type (MIME) that a creative or one of its files may have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum MediaType {
    /// `image/jpeg`.
    Jpeg,
    /// `image/png`.
    Png,
    /// `image/gif`.
    Gif,
    /// `image/webp`.
    Webp,
    /// `image/svg+xml`.
    Svg,
    /// `text/html`.
    Html,
    /// `text/javascript` and `application/javascript`.
    Script,
    /// `video/mp4`.
    Mp4,
    /// `video/webm`.
    Webm,
    /// `video/ogg`.
    OggVideo,
    /// `video/3gpp`.
    ThreeGpp,
    /// `video/quicktime`.
    QuickTime,
    /// `application/x-mpegurl` and `application/vnd.apple.mpegurl`: HLS.
    Hls,
    /// `application/dash+xml`.
    Dash,
    /// `audio/mpeg` and `audio/mp3`.
    Mp3,
    /// `audio/mp4` and `audio/x-m4a`.
    Mp4Audio,
    /// `audio/aac`.
    Aac,
    /// `audio/ogg`.
    OggAudio,
    /// `audio/wav` and `audio/x-wav`.
    Wav,
}

/// Every name of every type; the first of a type is the one that is written.
const NAMES: &[(&str, MediaType)] = &[
    ("image/jpeg", MediaType::Jpeg),
    ("image/jpg", MediaType::Jpeg),
    ("image/png", MediaType::Png),
    ("image/gif", MediaType::Gif),
    ("image/webp", MediaType::Webp),
    ("image/svg+xml", MediaType::Svg),
    ("text/html", MediaType::Html),
    ("text/javascript", MediaType::Script),
    ("application/javascript", MediaType::Script),
    ("application/x-javascript", MediaType::Script),
    ("video/mp4", MediaType::Mp4),
    ("video/webm", MediaType::Webm),
    ("video/ogg", MediaType::OggVideo),
    ("video/3gpp", MediaType::ThreeGpp),
    ("video/quicktime", MediaType::QuickTime),
    ("application/x-mpegurl", MediaType::Hls),
    ("application/vnd.apple.mpegurl", MediaType::Hls),
    ("application/dash+xml", MediaType::Dash),
    ("audio/mpeg", MediaType::Mp3),
    ("audio/mp3", MediaType::Mp3),
    ("audio/mp4", MediaType::Mp4Audio),
    ("audio/x-m4a", MediaType::Mp4Audio),
    ("audio/m4a", MediaType::Mp4Audio),
    ("audio/aac", MediaType::Aac),
    ("audio/ogg", MediaType::OggAudio),
    ("audio/wav", MediaType::Wav),
    ("audio/x-wav", MediaType::Wav),
];

/// What the names of files end in.
const EXTENSIONS: &[(&str, MediaType)] = &[
    ("jpg", MediaType::Jpeg),
    ("jpeg", MediaType::Jpeg),
    ("png", MediaType::Png),
    ("gif", MediaType::Gif),
    ("webp", MediaType::Webp),
    ("svg", MediaType::Svg),
    ("html", MediaType::Html),
    ("js", MediaType::Script),
    ("mp4", MediaType::Mp4),
    ("m4v", MediaType::Mp4),
    ("webm", MediaType::Webm),
    ("ogv", MediaType::OggVideo),
    ("3gp", MediaType::ThreeGpp),
    ("mov", MediaType::QuickTime),
    ("m3u8", MediaType::Hls),
    ("mpd", MediaType::Dash),
    ("mp3", MediaType::Mp3),
    ("m4a", MediaType::Mp4Audio),
    ("aac", MediaType::Aac),
    ("ogg", MediaType::OggAudio),
    ("oga", MediaType::OggAudio),
    ("wav", MediaType::Wav),
];

impl MediaType {
    /// The type that a file name's extension (without its dot) tells, without regard to case.
    pub fn of_extension(extension: &str) -> Option<Self> {
        let known = EXTENSIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
        known.map(|(_, media_type)| *media_type)
    }

    /// Reads a name, without regard to case and parameters (`; codecs=...`).
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.split(';').next().unwrap_or_default().trim();
        let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, media_type)| *media_type)
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        let known = NAMES.iter().find(|(_, media_type)| *media_type == self);
        known.map_or("application/octet-stream", |(name, _)| *name)
    }

    /// Whether it is a picture that browsers show.
    pub fn is_image(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Gif | Self::Webp | Self::Svg)
    }

    /// Whether a player may find a video in it: films, streams, and scripts that play one
    /// themselves (VPAID).
    pub fn is_video(self) -> bool {
        matches!(
            self,
            Self::Mp4
                | Self::Webm
                | Self::OggVideo
                | Self::ThreeGpp
                | Self::QuickTime
                | Self::Hls
                | Self::Dash
                | Self::Script
        )
    }

    /// Whether a player may find sound alone in it; streams can hold that too.
    pub fn is_audio(self) -> bool {
        matches!(
            self,
            Self::Mp3
                | Self::Mp4Audio
                | Self::Aac
                | Self::OggAudio
                | Self::Wav
                | Self::Hls
                | Self::Dash
        )
    }
}

/// A set of media types.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MediaTypes(u32);

impl MediaTypes {
    /// With one more.
    #[must_use]
    pub fn with(self, one: MediaType) -> Self {
        Self(self.0 | 1 << one as u32)
    }

    /// Whether `one` is in it.
    pub fn contains(self, one: MediaType) -> bool {
        self.0 & 1 << one as u32 != 0
    }

    /// Whether nothing that we know is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_all_their_forms_and_written_in_one() {
        for (name, media_type) in NAMES {
            assert_eq!(MediaType::parse(name), Some(*media_type), "{name}");
            assert_eq!(MediaType::parse(media_type.name()), Some(*media_type), "{name}");
            assert!(MediaTypes::default().with(*media_type).contains(*media_type));
        }
        assert_eq!(MediaType::parse(" Video/MP4 ; codecs=\"avc1\""), Some(MediaType::Mp4));
        assert_eq!(MediaType::parse("video/unknown"), None);
        assert!(!MediaTypes::default().with(MediaType::Mp4).contains(MediaType::Mp3));
    }
}
