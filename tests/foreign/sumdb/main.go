// Reads a log's directory with the code behind sum.golang.org: golang.org/x/mod/sumdb.
//
//	main DIR VKEY INDEX...
//
// Opens the checkpoint with the key, works the root out from the tiles, and proves each record to it.
package main

import (
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tiles struct{ dir string }

func (t tiles) Height() int                          { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.dir, path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir := os.Args[1]
	raw, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(err)
	verifier, err := note.NewVerifier(os.Args[2])
	must(err)
	opened, err := note.Open(raw, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	reader := tlog.TileHashReader(tree, tiles{dir})
	hash, err := tlog.TreeHash(size, reader)
	must(err)
	if hash != tree.Hash {
		log.Fatal("the tiles make up another root")
	}
	for _, word := range os.Args[3:] {
		index, err := strconv.ParseInt(word, 10, 64)
		must(err)
		entry := entryAt(dir, index, size)
		proof, err := tlog.ProveRecord(size, index, reader)
		must(err)
		must(tlog.CheckRecord(proof, size, tree.Hash, index, tlog.RecordHash(entry)))
	}
	fmt.Printf("%s %d %d\n", lines[0], size, len(os.Args)-3)
}

// entryAt is the entry at an index, from its bundle of 256.
func entryAt(dir string, index, size int64) []byte {
	tile := tlog.Tile{H: 8, L: 0, N: index / 256, W: int(min(256, size-index/256*256))}
	path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(dir, path))
	must(err)
	for i := int64(0); ; i++ {
		n := int(data[0])<<8 | int(data[1])
		if i == index%256 {
			return data[2 : 2+n]
		}
		data = data[2+n:]
	}
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
