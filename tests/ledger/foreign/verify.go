// Verify a Holdfast ledger with the transparency-log packages of the Go project, and none of our code.
//
// usage: verify FOLDER VERIFIER_KEY < PROOFS
//
// Each line of PROOFS is "inclusion INDEX HASH..." or "consistency OLD_SIZE OLD_ROOT HASH...", hashes in hexadecimal.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	folder, key := os.Args[1], os.Args[2]
	tree := checkpoint(folder, key)
	hashes := foldEntries(folder, tree.N)
	root, err := tlog.TreeHash(tree.N, memory(hashes))
	must(err)
	require(root == tree.Hash, "the entries do not hash to the signed root")
	tiles := 0
	for _, tile := range tlog.NewTiles(height, 0, tree.N) {
		if tile.W < 1<<height && int64(tile.W) != tree.N>>(height*tile.L)-tile.N<<height {
			continue // a partial tile of an earlier tree: a larger one holds it
		}
		want, err := tlog.ReadTileData(tile, memory(hashes))
		must(err)
		require(bytes.Equal(want, readTile(folder, tile)), tile.Path())
		tiles++
	}
	reader := tlog.TileHashReader(tree, &files{folder})
	for index := int64(0); index < tree.N; index += 1 + tree.N/50 {
		proof, err := tlog.ProveRecord(tree.N, index, reader)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, hashes[tlog.StoredHashIndex(0, index)]))
	}
	proofs := checkProofs(tree, hashes)
	fmt.Printf("accepted %d entries, %d tiles, %d proofs\n", tree.N, tiles, proofs)
}

// checkpoint verifies the signature and returns the tree that it is for.
func checkpoint(folder, key string) tlog.Tree {
	verifier, err := note.NewVerifier(key)
	must(err)
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	must(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	require(lines[0] == verifier.Name(), "the origin is not the key's name")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	return tlog.Tree{N: size, Hash: root}
}

// foldEntries reads every bundle and returns all hashes of the tree in storage order.
func foldEntries(folder string, size int64) []tlog.Hash {
	var hashes []tlog.Hash
	for index := int64(0); index < size; {
		width := size - index
		if width > 1<<height {
			width = 1 << height
		}
		bundle := tlog.Tile{H: height, L: 0, N: index >> height, W: int(width)}
		path := strings.Replace(tilePath(bundle), "tile/0/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(folder, path))
		must(err)
		for ; width > 0; width-- {
			length := int(binary.BigEndian.Uint16(data))
			stored, err := tlog.StoredHashes(index, data[2:2+length], memory(hashes))
			must(err)
			hashes = append(hashes, stored...)
			data = data[2+length:]
			index++
		}
		require(len(data) == 0, path+" is too long")
	}
	return hashes
}

// checkProofs checks proofs that another program made.
func checkProofs(tree tlog.Tree, hashes []tlog.Hash) int {
	count := 0
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); count++ {
		words := strings.Fields(lines.Text())
		number, err := strconv.ParseInt(words[1], 10, 64)
		must(err)
		var path []tlog.Hash
		for _, word := range words[2:] {
			raw, err := hex.DecodeString(word)
			must(err)
			var hash tlog.Hash
			copy(hash[:], raw)
			path = append(path, hash)
		}
		if words[0] == "inclusion" {
			leaf := hashes[tlog.StoredHashIndex(0, number)]
			must(tlog.CheckRecord(tlog.RecordProof(path), tree.N, tree.Hash, number, leaf))
		} else {
			must(tlog.CheckTree(tlog.TreeProof(path[1:]), tree.N, tree.Hash, number, path[0]))
		}
	}
	return count
}

// files serves the ledger's tiles to the Go verifier, which authenticates each against the signed root.
type files struct{ folder string }

func (f *files) Height() int                         { return height }
func (f *files) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (f *files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		data = append(data, readTile(f.folder, tile))
	}
	return data, nil
}

func readTile(folder string, tile tlog.Tile) []byte {
	data, err := os.ReadFile(filepath.Join(folder, tilePath(tile)))
	must(err)
	return data
}

// tilePath drops the tile's height from the path: tlog-tiles fixes it at 8.
func tilePath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, m[index])
	}
	return found, nil
}

func must(err error) {
	if err != nil {
		require(false, err.Error())
	}
}

func require(ok bool, what string) {
	if !ok {
		fmt.Fprintln(os.Stderr, "refused:", what)
		os.Exit(1)
	}
}
